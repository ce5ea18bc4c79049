"""One child process: its first line of output, its end, its memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

_KILL_SECONDS = 1.0
"""How long the kernel may take to end a process that was sent SIGKILL."""
_LINE_BYTES = 64 * 1024
_PS_SECONDS = 1.0


class ChildProcess:
    """A process that leads a process group of its own.

    Attributes:
        exited: Its exit code once it has ended: negative for a signal, None if
            unknown.
        line: The first line of its standard output. Later output is read and
            dropped, so that the pipe never fills.
    """

    def __init__(self, pid: int, lifeline: int, output: int, loop: asyncio.AbstractEventLoop) -> None:
        """Take over our ends of its two pipes; ``lifeline`` -1 is none."""
        self.pid = pid
        self.exited: asyncio.Future[int | None] = loop.create_future()
        self.line: asyncio.Future[bytes] = loop.create_future()
        self._loop = loop
        self._lifeline = lifeline
        self._output = output
        self._received = b""
        os.set_blocking(output, False)
        loop.add_reader(output, self._on_output)

    def _on_output(self) -> None:
        try:
            data = os.read(self._output, _LINE_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
        elif not self.line.done():
            self._received += data
            line, end, _ = self._received.partition(b"\n")
            if end or len(self._received) > _LINE_BYTES:
                self.line.set_result(line)

    def _close_output(self) -> None:
        if self._output >= 0:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def on_exit(self, code: int | None) -> None:
        """Record that the process has ended, and clean up after it."""
        # Processes that it left behind in its group would never be ended by
        # anything else.
        self._signal_group(signal.SIGKILL)
        # The line and the exit may become known in the same turn of the event
        # loop.
        if self._output >= 0:
            self._on_output()
        self._close_output()
        self._close_lifeline()
        if not self.exited.done():
            self.exited.set_result(code)

    def _signal_group(self, number: signal.Signals) -> None:
        # PermissionError: macOS raises it for a group of which only zombies
        # are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its group."""
        if not self.exited.done():
            self._signal_group(number)

    async def stop(self, grace: float, *, hurry: bool = False) -> None:
        """Send SIGTERM; kill the process if it runs after ``grace`` seconds.

        In a ``hurry`` its lifeline ends too, so that it abandons the work in
        progress.
        """
        if hurry:
            self._close_lifeline()
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        self.send_signal(signal.SIGCONT)  # a suspended process would not handle the other one
        await asyncio.wait([self.exited], timeout=max(0.0, grace))
        await self.kill()

    async def kill(self) -> None:
        """Kill the process and its group."""
        self.send_signal(signal.SIGKILL)
        await asyncio.wait([self.exited], timeout=_KILL_SECONDS)


def describe_exit(code: int | None) -> str:
    """Return an exit code in words."""
    if code is None:
        return "exit code unknown"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 if it is unknown."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    command = ["ps", "-o", "rss=", "-p", str(pid)]  # for systems without /proc
    with suppress(OSError, ValueError, subprocess.TimeoutExpired):
        result = subprocess.run(command, capture_output=True, timeout=_PS_SECONDS, check=False)  # noqa: S603
        return int(result.stdout or 0) * 1024
    return 0
