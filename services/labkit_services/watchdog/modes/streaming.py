"""Mode streaming: one process a request, its output forwarded as it is written.

As of-watchdog's ``executor/streaming_runner.go``: the status 200 is sent before
the process has written anything, so only the log shows how it ended.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial

from labkit_services.contract.durations import format_duration
from labkit_services.http import Request, Response
from labkit_services.runtime.line_reader import LineReader
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.response_relay import ResponseRelay
from labkit_services.watchdog.pipes import BodyWriter, PipeStream
from labkit_services.watchdog.process import FunctionProcess, Observer, ProcessPipes, describe
from labkit_services.watchdog.program import FunctionProgram
from labkit_services.watchdog.request_variables import of_watchdog_variables


class StreamingBackend(Backend):
    """Starts a process and forwards its output while it runs."""

    async def respond(self, request: Request) -> Response:
        """Start the function's process; its output is the response's body."""
        self._log.line(f"Running: {self._config.fprocess} - Path: {request.path}")
        program = self._program
        process = StreamingProcess(program, program.events_of(request))
        try:
            process.start(program.environ_for(request, of_watchdog_variables), request.stream())
        except CannotStartError as error:
            self._log.line(error.headline)
            return Response.text(500, f"{error.headline}\n")
        body = ResponseRelay(process.output(), process.abandon)
        return Response(200, [("Content-Type", self._config.content_type)], body)


class StreamingProcess(FunctionProcess):
    """A process whose input and output are streamed."""

    def __init__(self, program: FunctionProgram, observer: Observer) -> None:
        super().__init__(program.spawner, observer)
        self._program = program
        self._started_at = time.perf_counter()
        self._reaped = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._input: BodyWriter | None = None
        self._output: PipeStream | None = None
        self._errors: LineReader | None = None
        self._errors_descriptor = -1

    def start(self, environ: Mapping[bytes, bytes], body: AsyncIterator[bytes]) -> None:
        """Start the process and begin to write its input.

        Raises:
            CannotStartError: It does not start; nothing is left of it.
        """
        program, loop = self._program, self._spawner.loop
        with ProcessPipes(program.command) as pipes:
            stdin, write_end = pipes.input()
            stdout, output = pipes.output()
            stderr, self._errors_descriptor = pipes.output()
            self._spawn(program.command, environ, (stdin, stdout, stderr))
        self._output = PipeStream(loop, output)
        self._errors = LineReader(self._errors_descriptor, partial(program.log_line, "stderr"))
        self._input = BodyWriter(program.tasks, write_end, body)
        if timeout := program.config.exec_timeout:
            self._timer = loop.call_later(timeout, self._expire)

    def _expire(self) -> None:
        timeout = format_duration(self._program.config.exec_timeout)
        self._program.log.line(f"Function was killed by ExecTimeout: {timeout}")
        self.kill()

    async def output(self) -> AsyncIterator[bytes]:
        """Yield what the process writes, until it has ended and the pipe has no writer."""
        assert self._output is not None
        async for part in self._output.body:
            yield part
        await self._reaped.wait()

    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes; it is reaped in the background."""
        if self._timer is not None:
            self._timer.cancel()
        self.kill()
        if self._input is not None:
            self._input.close()
        if self._output is not None:
            self._output.close()
        if self._errors is not None:
            self._errors.stop()
            os.close(self._errors_descriptor)
            self._errors = None

    def _on_reaped(self, status: int) -> None:
        if status:
            self._program.log.line(describe(status))
        self._program.log.line(f"Took {time.perf_counter() - self._started_at:.6f} secs")
        self._reaped.set()
