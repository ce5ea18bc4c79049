"""Mode streaming: one process a request, its output forwarded at once.

As of-watchdog's ``executor/streaming_runner.go``: the status 200 is sent
before the process has written anything, so only the log shows how it ended.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from labkit_services.watchdog.pipes import PipeStream, write_body
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
        self._resources = contextlib.ExitStack()
        self._output: PipeStream | None = None

    def start(self, environ: Mapping[bytes, bytes], body: AsyncIterator[bytes]) -> None:
        """Start the process and begin to write its input."""
        program, loop = self._program, self._spawner.loop
        with ProcessPipes(program.command) as pipes:
            stdin, write_end = pipes.input()
            stdout, output = pipes.output()
            stderr, errors = pipes.output()
            self._spawn(program.command, environ, (stdin, stdout, stderr))
        self._output = PipeStream(loop, output)
        self._resources.callback(os.close, errors)
        self._resources.callback(LineReader(errors, partial(program.log_line, "stderr")).stop)
        self._resources.callback(self._output.close)
        self._resources.callback(write_body(program.tasks, write_end, body).cancel)
        if timeout := program.config.exec_timeout:
            self._resources.callback(loop.call_later(timeout, self._expire).cancel)

    def _expire(self) -> None:
        timeout = format_duration(self._program.config.exec_timeout)
        self._program.log.line(f"Function was killed by ExecTimeout: {timeout}")
        self.kill()

    async def output(self) -> AsyncIterator[bytes]:
        """Yield the output, until the process and the pipe have ended."""
        assert self._output is not None
        async for part in self._output.body:
            yield part
        await self._reaped.wait()

    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        self.kill()
        self._resources.close()

    def _on_reaped(self, status: int) -> None:
        if status:
            self._program.log.line(describe(status))
        self._program.log.line(f"Took {time.perf_counter() - self._started_at:.6f} secs")
        self._reaped.set()
