"""One process: its first line, its end, and how to bring that about."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

_KILL_SECONDS = 1.0
"""How long the kernel may take to end a process that was sent SIGKILL."""
_LINE_LIMIT = 64 * 1024


class Process:
    """One process, leader of a process group of its own.

    Attributes:
        pid: Its id, which is also its group's.
        exited: Done with the exit code when it has ended; negative for a signal, None if nobody knows.
        line: Done with the first line that it writes on its standard output.
            Whatever comes after it is read and dropped, so the pipe never fills.
    """

    def __init__(self, pid: int, lifeline: int, output: int, loop: asyncio.AbstractEventLoop) -> None:
        """Take over our ends of its two pipes; ``lifeline`` is -1 if it has none."""
        self.pid = pid
        self.exited: asyncio.Future[int | None] = loop.create_future()
        self.line: asyncio.Future[bytes] = loop.create_future()
        self._loop = loop
        self._lifeline = lifeline
        self._output = output
        self._read = b""
        os.set_blocking(output, False)
        loop.add_reader(output, self._on_output)

    def _on_output(self) -> None:
        try:
            data = os.read(self._output, _LINE_LIMIT)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
        elif not self.line.done():
            self._read += data
            line, end, _ = self._read.partition(b"\n")
            if end or len(self._read) > _LINE_LIMIT:
                self.line.set_result(line)

    def _close_output(self) -> None:
        if self._output >= 0:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def on_exit(self, code: int | None) -> None:
        """Take the news from the reaper."""
        # What it left behind in its group has nobody to look after it.
        self._signal_group(signal.SIGKILL)
        self._on_last_output()
        self._cut_lifeline()
        if not self.exited.done():
            self.exited.set_result(code)

    def _on_last_output(self) -> None:
        # A line and the exit may become known in the same turn of the loop.
        if self._output >= 0:
            self._on_output()
        self._close_output()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; one that has ended doesn't mind."""
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        # PermissionError: macOS says so of a group of which only zombies are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _cut_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def pause(self) -> None:
        """Have it, and its group, stand still."""
        if not self.exited.done():
            self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        if not self.exited.done():
            self._signal_group(signal.SIGCONT)

    async def stop(self, grace: float, *, hurry: bool = False) -> None:
        """Ask it to end, and after ``grace`` seconds make it.

        Args:
            grace: Seconds.
            hurry: End its lifeline, too: nobody waits for what it has under way.
        """
        if hurry:
            self._cut_lifeline()
        self.send(signal.SIGTERM)
        self.resume()  # one that is paused would hear of it too late
        await asyncio.wait([self.exited], timeout=max(0.0, grace))
        await self.kill()

    async def kill(self) -> None:
        """End it and its group at once."""
        if not self.exited.done():
            self._signal_group(signal.SIGKILL)
            await asyncio.wait([self.exited], timeout=_KILL_SECONDS)
