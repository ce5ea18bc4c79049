"""One process a request, with whole input and output.

For the modes classic and serializing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

from labkit_services.http import Request
from labkit_services.watchdog.command import FunctionCommand
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.pipes import PipeReader, PipeWriter
from labkit_services.watchdog.process import FunctionProcess, Observer, ProcessPipes, describe
from labkit_services.watchdog.spawner import Spawner

BODY_LIMIT = 256 * 1024 * 1024
"""The gateway limits bodies. This is a guard against clients that bypass
it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended."""

    status: int  # the wait status
    output: bytes  # what it wrote to stdout, and to stderr if the two are combined
    errors: bytes  # what it wrote to stderr if not

    @property
    def success(self) -> bool:
        """Whether it exited with 0."""
        return self.status == 0

    def describe(self) -> str:
        """Describe how it ended."""
        return describe(self.status)


class BufferedProcess(FunctionProcess):
    """A process that is complete when it has exited and its output has ended.

    The latter may come later: a grandchild that inherited the pipe keeps it
    open, and as in OpenFaaS the response waits for it.
    """

    __slots__ = ("_combine_output", "_done", "_errors", "_input", "_open_outputs", "_output")

    def __init__(self, spawner: Spawner, observer: Observer, *, combine_output: bool = True) -> None:
        super().__init__(spawner, observer)
        self._combine_output = combine_output
        self._done: asyncio.Future[None] = spawner.loop.create_future()
        self._open_outputs = 1 if combine_output else 2
        self._input: PipeWriter | None = None
        self._output: PipeReader | None = None
        self._errors: PipeReader | None = None

    def start(self, command: FunctionCommand, environ: Mapping[bytes, bytes], body: bytes) -> None:
        """Start the process with ``body`` as its standard input."""
        loop, stdin, write_end, rest = self._spawner.loop, self._spawner.no_input, -1, memoryview(body)
        with ProcessPipes(command) as pipes:
            if body:
                stdin, write_end = pipes.input()
                rest = rest[os.write(write_end, rest) :]
            stdout, output = pipes.output()
            stderr, errors = (stdout, -1) if self._combine_output else pipes.output()
            self._spawn(command, environ, (stdin, stdout, stderr))
        self._output = PipeReader(loop, output, self._on_output_end)
        if errors >= 0:
            self._errors = PipeReader(loop, errors, self._on_output_end)
        if rest:
            self._input = PipeWriter(loop, write_end, rest)
        elif write_end >= 0:
            os.close(write_end)

    async def wait(self) -> Outcome:
        """Wait for the end of the process and of its output."""
        await self._done
        assert self.status is not None
        assert self._output is not None
        return Outcome(self.status, self._output.data, self._errors.data if self._errors else b"")

    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        self.kill()
        for pipe in (self._input, self._output, self._errors):
            if pipe is not None:
                pipe.close()
        self._done.cancel()

    def _on_output_end(self) -> None:
        self._open_outputs -= 1
        self._settle()

    def _on_reaped(self, status: int) -> None:
        self._settle()

    def _settle(self) -> None:
        if self.status is not None and self._open_outputs == 0 and not self._done.done():
            if self._input is not None:
                self._input.close()  # a process that might still read it has closed its output
            self._done.set_result(None)


class BufferedBackend(Backend):
    """Runs a process for each request and waits for its end."""

    async def run(
        self, request: Request, body: bytes, environ: Mapping[bytes, bytes], *, kill_message: str
    ) -> tuple[Outcome, bool]:
        """Run a process; return also whether ``exec_timeout`` ended it.

        If so, ``kill_message`` is logged. A process that does not start raises
        CannotStartError.
        """
        program = self._program
        process = BufferedProcess(
            program.spawner, program.events_of(request), combine_output=self._config.combine_output
        )
        process.start(program.command, environ, body)
        killed = False

        def expire() -> None:
            nonlocal killed
            killed = True
            self._log.line(kill_message)
            process.kill()

        timer = None
        if self._config.exec_timeout:
            timer = program.spawner.loop.call_later(self._config.exec_timeout, expire)
        try:
            outcome = await process.wait()
        except asyncio.CancelledError:
            # The client has disconnected, or the watchdog stops: the response
            # has no receiver.
            process.abandon()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return outcome, killed
