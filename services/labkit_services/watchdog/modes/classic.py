"""Mode classic: one process a request, as classic-watchdog's ``handler.go``.

The whole output is the response.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping

from labkit_services.contract.headers import DURATION_SECONDS
from labkit_services.http import Request, Response
from labkit_services.http.headers import Pair
from labkit_services.runtime.spool import Spool
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.mime_sniffing import SNIFFED_BYTES, detect_content_type
from labkit_services.watchdog.modes.buffered import BufferedBackend, Outcome, read_body, respond_with
from labkit_services.watchdog.request_variables import http_variables, marshalled


class ClassicBackend(BufferedBackend):
    """Responds as the classic watchdog does."""

    methods = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    has_ready_route = False

    async def respond(self, request: Request) -> Response:
        """Run the function's process once."""
        started_at = time.perf_counter()
        body = await read_body(request)
        if self._config.marshal_request:
            with contextlib.closing(body):
                body = Spool.of(marshalled(request.headers, body))
        self._log.line("Forking fprocess.")
        environ = self._environ_for(request)
        kill_message = f"Killing process: {self._config.fprocess}"
        try:
            outcome, killed = await self.run(request, body, environ, kill_message=kill_message)
        except CannotStartError as error:
            return _response(500, f"{error.headline}\n".encode())
        return self._response_for(request, outcome, killed=killed, seconds=time.perf_counter() - started_at)

    def _environ_for(self, request: Request) -> Mapping[bytes, bytes]:
        if self._config.cgi_headers and self._config.write_debug:
            self._log.line(f"Query  {request.query}")
            self._log.line(f"Path  {request.path}")
        return self._program.environ_for(request, http_variables)

    def _response_for(self, request: Request, outcome: Outcome, *, killed: bool, seconds: float) -> Response:
        log, config = self._log, self._config
        if outcome.errors:
            log.output("stderr: ", outcome.shown_errors())
        if not outcome.success and config.write_debug:
            log.line(f"Success=false, Error={outcome.describe()}")
            log.output("Out=", outcome.shown_output())
        if killed:
            outcome.output.close()
            return _response(408, b"Killed process.\n")
        if not outcome.success:
            return _failure(f"{outcome.describe()}\n".encode(), outcome)
        if config.write_debug:
            log.copy(outcome.shown_output())
            log.line(f"Duration: {seconds:.6f}s")
        else:
            log.line(f"Wrote {outcome.output.size} Bytes - Duration: {seconds:.6f}s")
        content_type = config.content_type or request.headers.get("Content-Type")
        headers = _type_header(content_type, outcome.output.head(SNIFFED_BYTES))
        headers.append((DURATION_SECONDS, f"{seconds:.6f}"))
        return respond_with(200, headers, b"", outcome.output)


def _failure(text: bytes, outcome: Outcome) -> Response:
    if outcome.failure:
        outcome.output.close()
        return _response(500, text)
    headers = _type_header("", text + outcome.output.head(SNIFFED_BYTES))
    return respond_with(500, headers, text, outcome.output)


def _response(status: int, body: bytes) -> Response:
    return Response(status, _type_header("", body), body)


def _type_header(content_type: str, body: bytes) -> list[Pair]:
    # Like Go's server: the content type of a response without one is detected,
    # and a response without a body gets none.
    content_type = content_type or (detect_content_type(body) if body else "")
    return [("Content-Type", content_type)] if content_type else []
