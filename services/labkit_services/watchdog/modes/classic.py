"""Mode classic: one process a request, as classic-watchdog's ``handler.go``.

The whole output is the response.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from labkit_services.contract.headers import DURATION_SECONDS
from labkit_services.http import Request, Response
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.mime_sniffing import detect_content_type
from labkit_services.watchdog.modes.buffered import BODY_LIMIT, BufferedBackend, Outcome
from labkit_services.watchdog.request_variables import http_variables, marshalled


class ClassicBackend(BufferedBackend):
    """Responds as the classic watchdog does."""

    methods = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
    has_ready_route = False

    async def respond(self, request: Request) -> Response:
        """Run the function's process once."""
        started_at = time.perf_counter()
        body = await request.body(BODY_LIMIT)
        if self._config.marshal_request:
            body = marshalled(request.headers, body)
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
            log.line("stderr: " + outcome.errors.decode("utf-8", "replace").removesuffix("\n"))
        if not outcome.success and config.write_debug:
            log.line(f"Success=false, Error={outcome.describe()}")
            log.line("Out=" + outcome.output.decode("utf-8", "replace").removesuffix("\n"))
        if killed:
            return _response(408, b"Killed process.\n")
        if not outcome.success:
            return _response(500, f"{outcome.describe()}\n".encode() + outcome.output)
        if config.write_debug:
            log.copy(outcome.output)
            log.line(f"Duration: {seconds:.6f}s")
        else:
            log.line(f"Wrote {len(outcome.output)} Bytes - Duration: {seconds:.6f}s")
        content_type = config.content_type or request.headers.get("Content-Type")
        response = _response(200, outcome.output, content_type)
        response.headers.add(DURATION_SECONDS, f"{seconds:.6f}")
        return response


def _response(status: int, body: bytes, content_type: str = "") -> Response:
    # Like Go's server: the content type of a response without one is detected,
    # and a response without a body gets none.
    content_type = content_type or (detect_content_type(body) if body else "")
    return Response(status, [("Content-Type", content_type)] if content_type else (), body)
