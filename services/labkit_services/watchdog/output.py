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

_BUFFER_BYTES = 1024 * 1024
"""Limit for lines that the reader has not taken; above it, lines are
dropped."""

_FLUSH_SECONDS = 0.005
"""How long lines are collected. A write costs a tenth of a spawn, most of it
for waking the reader, so one write serves several calls."""


class PipeLineWriter(LineWriter):
    """A line writer that never blocks.

    The pipe's reader is the gateway, which may be stopped, or busy. What the
    pipe does not take is buffered, up to a limit.
    Outside a running loop every line is written at once.
    """

    def __init__(self, descriptor: int, buffer_bytes: int = _BUFFER_BYTES) -> None:
        super().__init__(descriptor)
        self._buffer_bytes = buffer_bytes
        self._buffer = bytearray()
        self._waiting = False
        # Only of a pipe: the flag belongs to the open file, and a terminal's
        # is shared with the shell.
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Schedule ``flush`` for the lines of more than one loop turn."""
        loop.call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what the pipe takes, and buffer the rest."""
        self._scheduled = False
        lines, self._lines = self._lines, []
        data = "".join([f"{line}\n" for line in lines]).encode("utf-8", "replace")
        if len(self._buffer) + len(data) > self._buffer_bytes:
            self.lost += len(lines)  # whole lines: half a row would also corrupt the next one
        else:
            self._buffer += data
        if not self._waiting:
            self._write()

    def _write(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: os.write(self._descriptor, self._buffer)]
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
