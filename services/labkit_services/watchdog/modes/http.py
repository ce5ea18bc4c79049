"""Mode http: one process for all requests, to which each is forwarded.

As of-watchdog's ``executor/http_runner.go``: status, headers and body are the
process's own. For the record of the call each request is an execution of that
process, so that a plot shows when the function worked, as it does for a
process that serves one call.
"""

from __future__ import annotations

import asyncio
import http
import socket
import time
from collections.abc import AsyncIterator

from labkit_services.contract.durations import format_duration, parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.headers import DURATION_SECONDS, INTERNAL
from labkit_services.http import ClientResponse, HttpClient, Origin, Request, Response, UpstreamError
from labkit_services.http.headers import HOP_BY_HOP, Headers, end_to_end
from labkit_services.runtime.held_port import reserve_port
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.response_relay import ResponseRelay
from labkit_services.watchdog.modes.upstream_process import UpstreamProcess
from labkit_services.watchdog.program import FunctionProgram

_READY_SECONDS = 5.0
_REASONS = {status.value: status.phrase for status in http.HTTPStatus}


class HttpBackend(Backend):
    """Starts the function's process and forwards requests to it."""

    def __init__(self, program: FunctionProgram) -> None:
        super().__init__(program)
        self._client = HttpClient()
        self._process = UpstreamProcess(program)
        self.failure = self._process.failure
        self._url = self._config.upstream_url
        self._port_holder: socket.socket | None = None
        if self._config.upstream_port_is_free:
            port, self._port_holder = reserve_port()
            self._url = f"http://127.0.0.1:{port}"
        self._origin, prefix = Origin.parse(self._url)
        self._prefix = prefix.rstrip("/")

    async def start(self) -> None:
        """Start the process, and return once it listens.

        Raises FunctionFailedError if it did not start, or ended before that.
        """
        environ = self._program.environ | {b"upstream_url": self._url.encode()}
        if self._config.upstream_port_is_free:
            environ |= {name: str(self._origin.port).encode() for name in (b"port", b"PORT")}
        self._log.line(f"Forking: {self._config.fprocess}")
        self._process.start(environ)
        await self._process.wait_until_listening(self._origin)

    async def stop(self) -> None:
        """End the process and the connections to it."""
        self._client.close()
        await self._process.stop()
        if self._port_holder is not None:
            self._port_holder.close()

    async def is_ready(self) -> bool:
        """Ask the process, if ``ready_path`` is set."""
        if not self._config.ready_path:
            return True
        try:
            async with asyncio.timeout(_READY_SECONDS):
                response = await self._client.send(
                    self._origin, "GET", self._prefix + self._config.ready_path
                )
                await response.read()
        except (UpstreamError, TimeoutError):
            return False
        return response.status == 200

    async def respond(self, request: Request) -> Response:
        """Forward one request."""
        exchange = _Exchange(self._process.pid, request, self._program)
        timeout = self._timeout(request)
        streaming = False
        try:
            async with asyncio.timeout(timeout):
                path = self._prefix + request.path or "/"
                headers = end_to_end(request.headers.pairs)
                upstream = await self._client.forward(request, self._origin, path, headers)
            response = exchange.response(upstream)
            if upstream.incoming.complete:
                response.body = upstream.incoming.take()
                return response
            remaining = None if timeout is None else max(0.0, timeout - exchange.seconds())
            response.body = ResponseRelay(exchange.stream(upstream, remaining), exchange.finish)
            streaming = True
            return response
        except TimeoutError:
            assert timeout is not None
            text = format_duration(timeout)
            self._log.line(f"Upstream HTTP killed due to exec_timeout: {text}")
            return exchange.error_response(504, f"the function did not answer within {text} (exec_timeout)\n")
        except UpstreamError as error:
            self._log.line(f"Upstream HTTP request error: {error}")
            return exchange.error_response(500, f"{error}\n")
        finally:
            if not streaming:
                exchange.finish()

    def _timeout(self, request: Request) -> float | None:
        """Return ``exec_timeout``, or ``X-Timeout`` if that is shorter."""
        longest = self._config.exec_timeout or None
        try:
            requested = parse_duration(request.headers.get("X-Timeout"))
        except InvalidValueError:
            return longest
        return min(requested, longest or requested) or longest


class _Exchange:
    """One request at the process: its times, log line and events."""

    def __init__(self, pid: int, request: Request, program: FunctionProgram) -> None:
        self._pid = pid
        self._request = request
        self._log = program.log
        self._events = program.events_of(request)
        self._started_at = time.perf_counter()
        self._code = 1
        self._upstream: ClientResponse | None = None
        self._events.started(pid)

    def seconds(self) -> float:
        """Return how long it has taken so far."""
        return time.perf_counter() - self._started_at

    def response(self, upstream: ClientResponse) -> Response:
        """Return the response's head, and log it."""
        self._upstream = upstream
        status = upstream.status
        self._code = int(status >= 500)
        headers = Headers(pair for pair in upstream.headers if pair[0].lower() not in HOP_BY_HOP)
        size = headers.get("Content-Length", "-1")
        request, reason = self._request, _REASONS.get(status, "")
        self._log.line(
            f"{request.method} {request.target} - {status} {reason} - ContentLength: {size}B"
            f" ({self.seconds():.4f}s)"
        )
        headers.remove("Date")
        headers.set(DURATION_SECONDS, f"{self.seconds():.6f}")
        return Response(status, headers)

    def error_response(self, status: int, text: str) -> Response:
        """Return the watchdog's own response, marked by a header."""
        duration = f"{self.seconds():.6f}"
        return Response.text(status, text, [(DURATION_SECONDS, duration), (INTERNAL, "of-watchdog")])

    async def stream(self, upstream: ClientResponse, seconds: float | None) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, and cut it after ``seconds``."""
        timer = None
        if seconds is not None:
            timer = asyncio.get_running_loop().call_later(seconds, upstream.close)
        try:
            async for part in upstream.stream():
                yield part
        except UpstreamError:
            self._code = 1
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def finish(self) -> None:
        """Record the end of the function's work; cut an incomplete body."""
        if self._upstream is not None:
            self._upstream.close()
        self._events.exited(self._pid, self._code)
