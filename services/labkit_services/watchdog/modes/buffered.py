"""One process a request, with whole input and output.

For the modes classic and serializing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from labkit_services.http import HttpError, Request, Response
from labkit_services.http.headers import Pair
from labkit_services.runtime.log_marks import cut_lines
from labkit_services.runtime.spool import Spool, TooMuchDataError
from labkit_services.watchdog.command import FunctionCommand
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.response_relay import ResponseRelay
from labkit_services.watchdog.pipes import HeadAndTail, PipeReader, PipeWriter
from labkit_services.watchdog.process import FunctionProcess, Observer, ProcessPipes, describe
from labkit_services.watchdog.spawner import Spawner

_SHOWN_BYTES = 256 * 1024


async def read_body(request: Request) -> Spool:
    """Return the whole body; HttpError 413 if it is too large to be kept."""
    body = Spool()
    try:
        if request.incoming.complete:
            body.write(request.incoming.take())
        else:
            async for part in request.stream():
                body.write(part)
    except BaseException as error:
        body.close()
        if isinstance(error, TooMuchDataError):
            raise HttpError(413, f"the request's body has {error}\n") from error
        raise
    return body


def respond_with(status: int, headers: list[Pair], prefix: bytes, output: Spool) -> Response:
    """Return a response with ``prefix`` and output, which is closed after."""
    if output.in_memory:
        return Response(status, headers, prefix + output.head(output.size))
    headers.append(("Content-Length", str(len(prefix) + output.size)))
    return Response(status, headers, ResponseRelay(_joined(prefix, output), output.close))


async def _joined(prefix: bytes, output: Spool) -> AsyncIterator[bytes]:
    yield prefix
    for part in output.parts():
        yield part


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a process ended."""

    status: int  # the wait status
    output: Spool  # what it wrote to stdout, and to stderr if the two are combined
    errors: bytes = b""  # what it wrote to stderr if not, without the middle if it is long
    failure: str = ""  # why its output could not be kept: then it was killed

    @property
    def success(self) -> bool:
        """Whether it exited with 0."""
        return self.status == 0 and not self.failure

    def describe(self) -> str:
        """Describe how it ended."""
        if self.failure:
            return f"the function was killed, because it wrote {self.failure}"
        return describe(self.status)

    def shown_errors(self) -> str:
        """Return ``errors`` for the log."""
        return cut_lines(self.errors.decode("utf-8", "replace").removesuffix("\n"))

    def shown_output(self) -> str:
        """Return the output for the log: its beginning, if it is long."""
        text = self.output.head(_SHOWN_BYTES).decode("utf-8", "replace").removesuffix("\n")
        rest = self.output.size - _SHOWN_BYTES
        return cut_lines(text) + (f"\n[... {rest} bytes more]" if rest > 0 else "")


class BufferedProcess(FunctionProcess):
    """A process that is complete when it has exited and its output has ended.

    The latter may come later: a grandchild that inherited the pipe keeps it
    open, and as in OpenFaaS the response waits for it.
    """

    __slots__ = (
        "_combine_output",
        "_done",
        "_errors",
        "_input",
        "_kept_errors",
        "_kept_output",
        "_open_outputs",
        "_output",
    )

    def __init__(self, spawner: Spawner, observer: Observer, *, combine_output: bool = True) -> None:
        super().__init__(spawner, observer)
        self._combine_output = combine_output
        self._done: asyncio.Future[None] = spawner.loop.create_future()
        self._open_outputs = 1 if combine_output else 2
        self._input: PipeWriter | None = None
        self._output: PipeReader | None = None
        self._errors: PipeReader | None = None
        self._kept_output = Spool()
        self._kept_errors = HeadAndTail()

    def start(self, command: FunctionCommand, environ: Mapping[bytes, bytes], body: Spool) -> None:
        """Start the process with ``body`` as its standard input."""
        loop, stdin, write_end, rest = self._spawner.loop, self._spawner.no_input, -1, memoryview(b"")
        with ProcessPipes(command) as pipes:
            if not body.in_memory:
                stdin = body.rewound()
            elif body.size:
                stdin, write_end = pipes.input()
                rest = memoryview(body.head(body.size))
                rest = rest[os.write(write_end, rest) :]
            stdout, output = pipes.output()
            stderr, errors = (stdout, -1) if self._combine_output else pipes.output()
            self._spawn(command, environ, (stdin, stdout, stderr))
        self._output = PipeReader(loop, output, self._kept_output, self._on_output_end)
        if errors >= 0:
            self._errors = PipeReader(loop, errors, self._kept_errors, self._on_output_end)
        if rest:
            self._input = PipeWriter(loop, write_end, rest)
        elif write_end >= 0:
            os.close(write_end)

    async def wait(self) -> Outcome:
        """Wait for the end of the process and of its output."""
        await self._done
        assert self.status is not None
        assert self._output is not None
        return Outcome(self.status, self._kept_output, self._kept_errors.data(), self._output.failure)

    def abandon(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        self.kill()
        for pipe in (self._input, self._output, self._errors):
            if pipe is not None:
                pipe.close()
        self._kept_output.close()
        self._done.cancel()

    def _on_output_end(self) -> None:
        self._open_outputs -= 1
        if self._output is not None and self._output.failure:
            self.kill()
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
        self, request: Request, body: Spool, environ: Mapping[bytes, bytes], *, kill_message: str
    ) -> tuple[Outcome, bool]:
        """Run a process; return also whether ``exec_timeout`` ended it.

        If so, ``kill_message`` is logged. A process that does not start raises
        CannotStartError. ``body`` is closed in any case.
        """
        program = self._program
        process = BufferedProcess(
            program.spawner, program.events_of(request), combine_output=self._config.combine_output
        )
        try:
            process.start(program.command, environ, body)
        finally:
            body.close()  # the process has it
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
