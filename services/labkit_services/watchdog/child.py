"""The one long-lived process of mode http."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping

from labkit_services.contract.errors import LabError
from labkit_services.http import Origin
from labkit_services.runtime.line_reader import LineReader
from labkit_services.watchdog.backend import Function
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.output import CallEvents
from labkit_services.watchdog.process import close_all, describe, open_output

READY_SECONDS = 25.0
"""How long the process may take until it listens; importing what it needs can take many."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
_TERM_SECONDS = 0.3
"""How long it may take over SIGTERM. The gateway ends the whole group after half a second."""


class FunctionFailedError(LabError):
    """The function's process did not stay up."""


class Child:
    """A process that serves HTTP, from its start to its end.

    Attributes:
        ended: Done when the process has been reaped, with its wait status.
    """

    def __init__(self, function: Function) -> None:
        self.pid = 0
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._command = function.command
        self._forker = function.forker
        self._lines = function.lines()
        self._events = CallEvents(function.events, "")
        self._pipes: list[int] = []
        self._readers: list[LineReader] = []

    def start(self, environ: Mapping[bytes, bytes]) -> None:
        """Start the process.

        Raises:
            FunctionFailedError: It does not start.
        """
        theirs: list[int] = []
        try:
            _, out = open_output(self._pipes, theirs)
            _, err = open_output(self._pipes, theirs)
            streams = (self._forker.no_input, out, err)
            self.pid = self._forker.spawn(self._command, environ, streams, self._reaped)
        except CannotStartError as error:
            raise FunctionFailedError(error.headline) from error
        finally:
            close_all(theirs)
        self._forker.remember(self)
        self._events.started(self.pid)
        for stream, descriptor in zip(("stdout", "stderr"), self._pipes, strict=True):
            self._readers.append(self._reader(stream, descriptor))

    def _reader(self, stream: str, descriptor: int) -> LineReader:
        return LineReader(descriptor, lambda line: self._lines.write(stream, line))

    async def listens(self, origin: Origin) -> None:
        """Wait until the process accepts connections.

        Raises:
            FunctionFailedError: It ended first, or took more than ``READY_SECONDS``.
        """
        pause = _FIRST_PAUSE
        deadline = self._loop.time() + READY_SECONDS
        while not await _accepts(origin):
            await asyncio.wait((self.ended,), timeout=pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if self.ended.done():
                raise self.failure()
            if self._loop.time() > deadline:
                raise FunctionFailedError(
                    expected=f"a process that listens on {origin.authority} within {READY_SECONDS:g} s",
                    seen="it runs, and nothing listens there",
                    next_step="listen on the port that upstream_url names",
                )

    def failure(self) -> FunctionFailedError:
        """Return what to say when it has ended by itself."""
        return FunctionFailedError(
            f"Forked function has terminated: {describe(self.ended.result())}",
            expected="a process that serves requests until it is told to stop",
        )

    async def stop(self) -> None:
        """Ask the process to end, and end it if it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.pid and not self.ended.done():
                os.kill(self.pid, number)  # not yet reaped, so the pid is still its own
                await asyncio.wait((self.ended,), timeout=_TERM_SECONDS)
        self._let_go()

    def abandon(self) -> None:
        """See ``Running``."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)
        self._let_go()

    def _let_go(self) -> None:
        for reader in self._readers:
            reader.stop()
        close_all(self._pipes)
        self._readers, self._pipes = [], []

    def _reaped(self, status: int) -> None:
        self._forker.forget(self)
        self._events.exited(self.pid, os.waitstatus_to_exitcode(status))
        self.ended.set_result(status)


async def _accepts(origin: Origin) -> bool:
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(origin.host, origin.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def reserve_port() -> tuple[int, socket.socket | None]:
    """Return a free port of the loopback interface, and what keeps others away from it.

    On Linux two sockets with SO_REUSEADDR, which servers set, may be bound to one
    port as long as only one listens. Elsewhere there is a moment in which another
    may take the port: then the process fails, and the gateway starts it anew.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = int(holder.getsockname()[1])
    if sys.platform.startswith("linux"):
        return port, holder
    holder.close()
    return port, None
