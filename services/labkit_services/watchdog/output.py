"""What the watchdog tells: its log on stderr, event rows for the gateway on stdout."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.events import EventType
from labkit_services.runtime.log import LineWriter, Log

_HELD_BYTES = 1024 * 1024
"""How much waits for a reader that does not read; beyond it, lines are dropped."""


_GATHER_SECONDS = 0.005
"""How long lines gather. A write costs the call it falls into as much as a tenth
of a spawn, most of it for waking the reader; so one write serves several calls."""


class PipeLines(LineWriter):
    """A line writer that never waits for the reader of its pipe.

    The reader is the gateway, which may be stopped, or busy with a thousand
    other things. What the pipe does not take stays here, up to a limit.
    Outside a running loop every line is written at once.
    """

    def __init__(self, descriptor: int, held_bytes: int = _HELD_BYTES) -> None:
        super().__init__(descriptor)
        self._held_bytes = held_bytes
        self._held = bytearray()
        self._waiting = False
        # Only a pipe: the flag belongs to the open file, and a terminal's is
        # shared with the shell.
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have ``flush`` called a moment later, for the lines of more than one loop turn."""
        loop.call_later(_GATHER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what the pipe takes, keep the rest."""
        self._scheduled = False
        lines, self._lines = self._lines, []
        data = "".join([f"{line}\n" for line in lines]).encode("utf-8", "replace")
        if len(self._held) + len(data) > self._held_bytes:
            self.lost += len(lines)  # whole lines: half a row would spoil the next one, too
        else:
            self._held += data
        if not self._waiting:
            self._write()

    def _write(self) -> None:
        try:
            while self._held:
                del self._held[: os.write(self._descriptor, self._held)]
        except BlockingIOError:
            self._wait()
            return
        except OSError:
            self.lost += self._held.count(b"\n")  # nobody will ever read it
            self._held.clear()
        self._stop_waiting()

    def _wait(self) -> None:
        if not self._waiting:
            try:
                asyncio.get_running_loop().add_writer(self._descriptor, self._write)
            except RuntimeError:
                return  # the loop has ended; this is the last flush
            self._waiting = True

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            asyncio.get_running_loop().remove_writer(self._descriptor)


class WatchdogLog(Log):
    """The log in the form of Go's ``log`` package, which OpenFaaS's tools expect.

    A function's log is the watchdog's own lines and the function's, nothing
    else: what the runtime notes of every service is dropped unless it is trouble.
    """

    def __init__(self, writer: LineWriter) -> None:
        super().__init__("watchdog", writer)

    def line(self, text: str) -> None:
        """Write ``2006/01/02 15:04:05 text``."""
        self.writer.write(f"{self._now()} {text}")

    def copy(self, output: bytes) -> None:
        """Write a process's output as it is."""
        if output:
            self.writer.write(output.decode("utf-8", "replace").removesuffix("\n"))

    def _line(self, level: str, text: str, fields: dict[str, Any]) -> None:
        if level != "info":
            self.line(text)

    def _now(self) -> str:
        now = int(time.time())
        if self._second[0] != now:
            self._second = (now, time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(now)))
        return self._second[1]


class FunctionLines:
    """Puts the lines of a function's own output streams into the log, as of-watchdog does."""

    def __init__(self, log: WatchdogLog, *, prefix: bool) -> None:
        self._log = log
        self._prefix = prefix

    def write(self, stream: str, line: str) -> None:
        """Write one line of ``stdout`` or ``stderr``."""
        if self._prefix:
            self._log.line(f"{stream}: {line}")
        else:
            self._log.writer.write(line)


class CallEvents:
    """Rows on one call's process: ``[time_ns, type, call_id, data]``."""

    __slots__ = ("_call_id", "_lines")

    def __init__(self, lines: LineWriter, call_id: str) -> None:
        self._lines = lines
        self._call_id = call_id

    def started(self, pid: int) -> None:
        """Note that the process runs."""
        self._write(EventType.PROCESS_STARTED, {"pid": pid})

    def exited(self, pid: int, code: int) -> None:
        """Note that the process has ended."""
        self._write(EventType.PROCESS_EXITED, {"pid": pid, "code": code})

    def _write(self, event: EventType, data: dict[str, int]) -> None:
        row = [time.time_ns(), event, self._call_id, data]
        self._lines.write(encode(row))
