"""From a request to a process, and from the process's end to an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from services.contract.names import CALL_ID, DURATION_SECONDS
from services.http import Request, Response
from services.log import LineWriter
from services.watchdog.command import CannotStartError, Command
from services.watchdog.config import Config
from services.watchdog.environ import http_variables, marshalled
from services.watchdog.output import CallEvents, WatchdogLog
from services.watchdog.process import Execution, Forker, Outcome
from services.watchdog.sniff import detect_content_type

_BODY_LIMIT = 256 * 1024 * 1024
"""The gateway bounds bodies. This is a guard against clients that come around it."""


class Classic:
    """Mode classic: one process a request, its whole output the answer."""

    methods = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    tells_ready = False

    def __init__(
        self,
        config: Config,
        forker: Forker,
        command: Command,
        environ: dict[bytes, bytes],
        *,
        log: WatchdogLog,
        events: LineWriter,
    ) -> None:
        self._config = config
        self._forker = forker
        self._command = command
        self._environ = environ
        self._log = log
        self._events = events

    async def ready(self) -> bool:
        """See ``Backend``: nothing of the function runs between requests."""
        return True

    async def answer(self, request: Request) -> Response:
        """Run the function's process once."""
        begun = time.perf_counter()
        body = await request.body(_BODY_LIMIT)
        if self._config.marshal_request:
            body = marshalled(request.headers, body)
        self._log.line("Forking fprocess.")
        events = CallEvents(self._events, request.headers.get(CALL_ID))
        try:
            execution = self._forker.start(self._command, self._environ_for(request), body, events)
        except CannotStartError as error:
            return _answer(500, f"{error.headline}\n".encode())
        outcome, killed = await self._finish(execution)
        return self._respond(request, outcome, killed=killed, seconds=time.perf_counter() - begun)

    def _environ_for(self, request: Request) -> Mapping[bytes, bytes]:
        if not self._config.cgi_headers:
            return self._environ
        if self._config.write_debug:
            self._log.line(f"Query  {request.query}")
            self._log.line(f"Path  {request.path}")
        return self._environ | http_variables(request)

    async def _finish(self, execution: Execution) -> tuple[Outcome, bool]:
        """Wait for the end; return also whether ``exec_timeout`` has passed before it."""
        killed = False

        def expire() -> None:
            nonlocal killed
            killed = True
            self._log.line(f"Killing process: {self._config.fprocess}")
            execution.kill()

        timer = None
        if self._config.exec_timeout:
            timer = asyncio.get_running_loop().call_later(self._config.exec_timeout, expire)
        try:
            outcome = await execution.wait()
        except asyncio.CancelledError:
            # The client has gone, or the watchdog ends: nobody wants the answer.
            execution.abandon()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return outcome, killed

    def _respond(self, request: Request, outcome: Outcome, *, killed: bool, seconds: float) -> Response:
        log, config = self._log, self._config
        if outcome.errors:
            log.line("stderr: " + outcome.errors.decode("utf-8", "replace").removesuffix("\n"))
        if not outcome.success and config.write_debug:
            log.line(f"Success=false, Error={outcome.describe()}")
            log.line("Out=" + outcome.output.decode("utf-8", "replace").removesuffix("\n"))
        if killed:
            return _answer(408, b"Killed process.\n")
        if not outcome.success:
            return _answer(500, f"{outcome.describe()}\n".encode() + outcome.output)
        if config.write_debug:
            log.copy(outcome.output)
            log.line(f"Duration: {seconds:.6f}s")
        else:
            log.line(f"Wrote {len(outcome.output)} Bytes - Duration: {seconds:.6f}s")
        content_type = config.content_type or request.headers.get("Content-Type")
        response = _answer(200, outcome.output, content_type)
        response.headers.add(DURATION_SECONDS, f"{seconds:.6f}")
        return response


def _answer(status: int, body: bytes, content_type: str = "") -> Response:
    # Like Go's server: an answer without a type gets the one it looks like,
    # an answer without a body none.
    content_type = content_type or (detect_content_type(body) if body else "")
    return Response(status, [("Content-Type", content_type)] if content_type else (), body)
