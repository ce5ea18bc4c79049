"""The watchdog's log on stderr, and event rows for the gateway on stdout."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.events import EventType
from labkit_services.runtime.log import LineWriter, Log
from labkit_services.runtime.log_marks import lines_lost

_BUFFER_BYTES = 1024 * 1024
"""Limit for lines that the reader has not taken; above it, lines are
dropped."""

_RESERVE_BYTES = 64 * 1024
"""Of the buffer, for the watchdog's own lines."""

_FLUSH_SECONDS = 0.005
"""How long lines are collected. A write costs a tenth of a spawn, most of it
for waking the reader, so one write serves several calls."""


class PipeLineWriter(LineWriter):
    """A line writer that never blocks.

    The pipe's reader is the gateway, which may be stopped, or busy. What the
    pipe does not take is buffered, up to a limit; of what is more, each line
    that fits is kept, and a line after it says how many were not. A part of
    the buffer is for the watchdog's own lines (``write``): they fit after a
    long output of the function (``copy``). Outside a running loop every line
    is written at once.

    Args:
        descriptor: Of the pipe.
        buffer_bytes: The limit.
        notes: Whether lost lines are mentioned among the others.
    """

    def __init__(self, descriptor: int, buffer_bytes: int = _BUFFER_BYTES, *, notes: bool = True) -> None:
        super().__init__(descriptor)
        self._notes = notes
        self._own: set[int] = set()
        self._buffer_bytes = buffer_bytes
        self._buffer = bytearray()
        self._waiting = False
        # Only of a pipe: the flag belongs to the open file, and a terminal's
        # is shared with the shell.
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)

    def write(self, line: str) -> None:
        """Write one line of the watchdog's."""
        self._own.add(len(self._lines))
        super().write(line)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Schedule ``flush`` for the lines of more than one loop turn."""
        loop.call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what the pipe takes, and buffer the rest."""
        self._scheduled = False
        texts, self._lines, self._collected = self._lines, [], 0
        own, self._own = self._own, set()
        data = "".join([f"{text}\n" for text in texts]).encode("utf-8", "replace")
        if self.lost == self._noted and len(self._buffer) + len(data) <= self._buffer_bytes:
            self._buffer += data
        else:
            for number, text in enumerate(texts):
                self._keep(text, is_own=number in own)
        if not self._waiting:
            self._write()

    def _keep(self, text: str, *, is_own: bool) -> None:
        """Buffer a text's lines, or count them; never half a row."""
        limit = self._buffer_bytes - (0 if is_own else min(_RESERVE_BYTES, self._buffer_bytes // 4))
        for line in text.split("\n"):
            data = "".join(f"{each}\n" for each in (*self._notice(), line)).encode("utf-8", "replace")
            if len(self._buffer) + len(data) <= limit:
                self._buffer += data
                self._noted = self.lost
            else:
                self.lost += 1

    def _notice(self) -> list[str]:
        lost = self.lost - self._noted
        return [lines_lost(lost)] if lost and self._notes else []

    def _write(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: os.write(self._descriptor, self._buffer)]
                if not self._buffer:  # there may be no next line
                    self._buffer += "".join(f"{each}\n" for each in self._notice()).encode()
                    self._noted = self.lost
        except BlockingIOError:
            self._wait()
            return
        except OSError:
            self.lost += self._buffer.count(b"\n")  # the reader has ended
            self._buffer.clear()
        if self._waiting:
            self._waiting = False
            asyncio.get_running_loop().remove_writer(self._descriptor)

    def _wait(self) -> None:
        if not self._waiting:
            try:
                asyncio.get_running_loop().add_writer(self._descriptor, self._write)
            except RuntimeError:
                return  # the loop has ended: this is the last flush
            self._waiting = True


class WatchdogLog(Log):
    """The log in the format of Go's ``log`` package.

    OpenFaaS's tools expect that. A function's log contains only the lines of
    the watchdog and of the function: the runtime's lines are dropped, except
    warnings and errors.
    """

    def __init__(self, writer: LineWriter) -> None:
        super().__init__("watchdog", writer)

    def line(self, text: str) -> None:
        """Write ``2006/01/02 15:04:05 text``."""
        self.writer.write(f"{self._now()} {text}")

    def output(self, prefix: str, output: str) -> None:
        """Write a process's output, unchanged behind time and prefix."""
        self.writer.copy(f"{self._now()} {prefix}{output}")

    def copy(self, output: str) -> None:
        """Write a process's output unchanged."""
        if output:
            self.writer.copy(output)

    def _line(self, level: str, text: str, fields: dict[str, Any]) -> None:
        if level != "info":
            self.line(text)

    def _now(self) -> str:
        now = int(time.time())
        if self._second[0] != now:
            self._second = (now, time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(now)))
        return self._second[1]


class CallEventLines:
    """Writes rows of one call: ``[time_ns, type, call_id, data]``."""

    __slots__ = ("_call_id", "_lines")

    def __init__(self, lines: LineWriter, call_id: str) -> None:
        self._lines = lines
        self._call_id = call_id

    def started(self, pid: int) -> None:
        """Write that the process runs."""
        self._write(EventType.PROCESS_STARTED, {"pid": pid})

    def exited(self, pid: int, code: int) -> None:
        """Write that the process has exited."""
        self._write(EventType.PROCESS_EXITED, {"pid": pid, "code": code})

    def _write(self, event: EventType, data: dict[str, int]) -> None:
        self._lines.copy(encode([time.time_ns(), event, self._call_id, data]))
