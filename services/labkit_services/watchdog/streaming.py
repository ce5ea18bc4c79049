"""Mode streaming: one process a request, its output passed on as it comes.

As of-watchdog's ``executor/streaming_runner.go``: the status is 200 before the
process has said a word, so how it ends is in the log only.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping

from labkit_services.contract.durations import format_duration
from labkit_services.http import Request, Response
from labkit_services.runtime.line_reader import LineReader
from labkit_services.watchdog.backend import Backend, Function
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.environ import of_watchdog_variables
from labkit_services.watchdog.output import CallEvents
from labkit_services.watchdog.pipes import PipeFeed, PipeStream
from labkit_services.watchdog.process import close_all, describe, open_output
from labkit_services.watchdog.relay import Relay


class Streaming(Backend):
    """Starts a process and hands its output over while it runs."""

    async def answer(self, request: Request) -> Response:
        """Start the function's process; its output is the answer's body."""
        self._log.line(f"Running: {self._config.fprocess} - Path: {request.path}")
        run = _Run(self._function, self._function.events_of(request))
        try:
            run.start(self._function.environ_for(request, of_watchdog_variables), request.stream())
        except CannotStartError as error:
            self._log.line(error.headline)
            return Response.text(500, f"{error.headline}\n")
        if self._config.exec_timeout:
            run.limit(self._config.exec_timeout)
        return Response(200, [("Content-Type", self._config.content_type)], Relay(run.output(), run.end))


class _Run:
    """One process, from its first byte of input to its last of output."""

    def __init__(self, function: Function, events: CallEvents) -> None:
        self._command = function.command
        self._forker = function.forker
        self._events = events
        self._log = function.log
        self._lines = function.lines()
        self._loop = asyncio.get_running_loop()
        self._begun = time.perf_counter()
        self._pid = 0
        self._status: int | None = None
        self._reaped = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._output: PipeStream | None = None
        self._errors: LineReader | None = None
        self._error_pipe = -1
        self._feed: PipeFeed | None = None

    def start(self, environ: Mapping[bytes, bytes], body: AsyncIterator[bytes]) -> None:
        """Start the process and begin to feed it.

        Raises:
            CannotStartError: It does not start; nothing is left of it.
        """
        ours: list[int] = []
        theirs: list[int] = []
        try:
            stdin, write_end = os.pipe()
            theirs.append(stdin)
            ours.append(write_end)
            output, out = open_output(ours, theirs)
            errors, err = open_output(ours, theirs)
            self._pid = self._forker.spawn(self._command, environ, (stdin, out, err), self._ended)
        except OSError as error:  # no descriptor left for a pipe
            close_all(ours)
            raise CannotStartError.from_os_error(self._command.argv[0], error) from error
        except CannotStartError:
            close_all(ours)
            raise
        finally:
            close_all(theirs)
        self._forker.remember(self)
        self._events.started(self._pid)
        self._output = PipeStream(self._loop, output)
        self._error_pipe = errors
        self._errors = LineReader(errors, lambda line: self._lines.write("stderr", line))
        self._feed = PipeFeed(self._loop, write_end, body)

    def limit(self, seconds: float) -> None:
        """Kill the process if it still runs in ``seconds``."""

        def expire() -> None:
            self._log.line(f"Function was killed by ExecTimeout: {format_duration(seconds)}")
            self._kill()

        self._timer = self._loop.call_later(seconds, expire)

    async def output(self) -> AsyncIterator[bytes]:
        """Yield what the process writes, until it has ended and nobody can write any more."""
        assert self._output is not None
        async for part in self._output.body:
            yield part
        await self._reaped.wait()

    def end(self) -> None:
        """Kill the process if it still runs, and let go of its pipes."""
        if self._timer is not None:
            self._timer.cancel()
        self._kill()
        if self._feed is not None:
            self._feed.close()
        if self._output is not None:
            self._output.close()
        if self._errors is not None:
            self._errors.stop()
            os.close(self._error_pipe)
            self._errors = None

    abandon = end

    def _kill(self) -> None:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)  # not yet reaped, so the pid is still its own

    def _ended(self, status: int) -> None:
        self._status = status
        self._forker.forget(self)
        self._events.exited(self._pid, os.waitstatus_to_exitcode(status))
        if status:
            self._log.line(describe(status))
        self._log.line(f"Took {time.perf_counter() - self._begun:.6f} secs")
        self._reaped.set()
