"""The long-lived process of mode http."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from functools import partial

from labkit_services.contract.errors import LabError
from labkit_services.http import Origin
from labkit_services.runtime.line_reader import LineReader
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.output import CallEventLines
from labkit_services.watchdog.process import FunctionProcess, ProcessPipes, describe
from labkit_services.watchdog.program import FunctionProgram

READY_SECONDS = 25.0
"""How long the process may take until it listens; its imports can take many
seconds."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
_TERM_SECONDS = 0.3
"""How long it may take to end after SIGTERM. The gateway kills the whole group
after half a second."""


class FunctionFailedError(LabError):
    """The function's process did not stay up."""


class UpstreamProcess(FunctionProcess):
    """A process that serves HTTP, for the whole life of its watchdog.

    ``failure`` is done when it has been reaped.
    """

    def __init__(self, program: FunctionProgram) -> None:
        super().__init__(program.spawner, CallEventLines(program.events, ""))
        self.failure: asyncio.Future[LabError] = program.spawner.loop.create_future()
        self._program = program
        self._resources = contextlib.ExitStack()

    def start(self, environ: Mapping[bytes, bytes]) -> None:
        """Start the process, or raise FunctionFailedError."""
        try:
            with ProcessPipes(self._program.command) as pipes:
                stdout, output = pipes.output()
                stderr, errors = pipes.output()
                self._spawn(self._program.command, environ, (self._spawner.no_input, stdout, stderr))
        except CannotStartError as error:
            raise FunctionFailedError(error.headline) from error
        for stream, descriptor in (("stderr", errors), ("stdout", output)):
            self._resources.callback(os.close, descriptor)
            self._resources.callback(LineReader(descriptor, partial(self._program.log_line, stream)).stop)

    async def wait_until_listening(self, origin: Origin) -> None:
        """Wait until the process accepts connections.

        Raises FunctionFailedError if it ended first, or took more than
        ``READY_SECONDS``.
        """
        pause = _FIRST_PAUSE
        deadline = self._spawner.loop.time() + READY_SECONDS
        while not await _accepts(origin):
            await asyncio.wait((self.failure,), timeout=pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            if self.failure.done():
                raise self.failure.result()
            if self._spawner.loop.time() > deadline:
                raise FunctionFailedError(
                    expected=f"a process that listens on {origin.authority} within {READY_SECONDS:g} s",
                    seen="it runs, but does not listen there",
                    next_step="listen on the port that upstream_url names",
                )

    async def stop(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.pid and self.status is None:
                self.kill(number)
                await asyncio.wait((self.failure,), timeout=_TERM_SECONDS)
        self._resources.close()

    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        self.kill()
        self._resources.close()

    def _on_reaped(self, status: int) -> None:
        self.failure.set_result(
            FunctionFailedError(
                f"Forked function has terminated: {describe(status)}",
                expected="a process that serves requests until SIGTERM",
            )
        )


async def _accepts(origin: Origin) -> bool:
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(origin.host, origin.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
