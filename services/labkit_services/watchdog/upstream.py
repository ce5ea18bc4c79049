"""Mode http: one process for all requests, to which each is forwarded.

As of-watchdog's ``executor/http_runner.go``: status, headers and body are the
process's own. The record of a call gets the time of its request under the
process's id, so that a plot shows when the function worked, as it does for a
process of the call's own.
"""

from __future__ import annotations

import asyncio
import http
import time
from collections.abc import AsyncIterator

from labkit_services.contract.durations import format_duration, parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import DURATION_SECONDS, INTERNAL
from labkit_services.http import ClientResponse, HttpClient, Origin, Request, Response, UpstreamError
from labkit_services.http.headers import HOP_BY_HOP, Headers, end_to_end
from labkit_services.watchdog.backend import Backend, Function
from labkit_services.watchdog.relay import Relay

_READY_SECONDS = 5.0


class Upstream(Backend):
    """Forwards requests to the function's process."""

    def __init__(self, function: Function, origin: Origin, prefix: str, pid: int) -> None:
        """Forward to ``origin``, where ``pid`` listens; ``prefix`` goes before each request's path."""
        super().__init__(function)
        self._origin = origin
        self._prefix = prefix.rstrip("/")
        self._pid = pid
        self._client = HttpClient()

    async def ready(self) -> bool:
        """Ask the process, if it has said how."""
        if not self._config.ready_path:
            return True
        try:
            async with asyncio.timeout(_READY_SECONDS):
                answer = await self._client.send(self._origin, "GET", self._prefix + self._config.ready_path)
                await answer.read()
        except (UpstreamError, TimeoutError):
            return False
        return answer.status == 200

    async def answer(self, request: Request) -> Response:
        """Forward one request."""
        exchange = _Exchange(self._pid, request, self._function)
        timeout = self._timeout(request)
        passed_on = False
        try:
            async with asyncio.timeout(timeout):
                upstream = await self._client.forward(
                    request,
                    self._origin,
                    self._prefix + request.path or "/",
                    end_to_end(request.headers.pairs),
                )
            response = exchange.answered(upstream)
            if upstream.incoming.complete:
                response.body = upstream.incoming.take()
                return response
            rest = None if timeout is None else max(0.0, timeout - exchange.seconds())
            response.body = Relay(exchange.rest(upstream, rest), exchange.over)
            passed_on = True
            return response
        except TimeoutError:
            assert timeout is not None
            waited = format_duration(timeout)
            self._log.line(f"Upstream HTTP killed due to exec_timeout: {waited}")
            return exchange.failed(504, f"the function did not answer within {waited} (exec_timeout)\n")
        except UpstreamError as error:
            self._log.line(f"Upstream HTTP request error: {error}")
            return exchange.failed(500, f"{error}\n")
        finally:
            if not passed_on:
                exchange.over()

    def _timeout(self, request: Request) -> float | None:
        """Return ``exec_timeout``, or less if the caller's ``X-Timeout`` asks for less."""
        longest = self._config.exec_timeout or None
        try:
            asked = parse_duration(request.headers.get("X-Timeout"))
        except InvalidValueError:
            return longest
        return min(asked, longest or asked) or longest

    def close(self) -> None:
        """Cut every connection to the process."""
        self._client.close()


class _Exchange:
    """One request's time at the process, and what is told of it."""

    def __init__(self, pid: int, request: Request, function: Function) -> None:
        self._pid = pid
        self._request = request
        self._log = function.log
        self._events = function.events_of(request)
        self._begun = time.perf_counter()
        self._code = 1
        self._upstream: ClientResponse | None = None
        self._events.started(pid)

    def seconds(self) -> float:
        """Return how long it has taken so far."""
        return time.perf_counter() - self._begun

    def answered(self, upstream: ClientResponse) -> Response:
        """Return the answer's head."""
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

    def failed(self, status: int, text: str) -> Response:
        """Return the watchdog's own answer; a header tells it from the function's."""
        duration = f"{self.seconds():.6f}"
        return Response.text(status, text, [(DURATION_SECONDS, duration), (INTERNAL, "of-watchdog")])

    async def rest(self, upstream: ClientResponse, seconds: float | None) -> AsyncIterator[bytes]:
        """Yield the body as it comes; after ``seconds`` it is cut, and the client sees that."""
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

    def over(self) -> None:
        """Note that the function has done its part, or that nobody wants the rest."""
        if self._upstream is not None:
            self._upstream.close()
        self._events.exited(self._pid, self._code)


_REASONS = {status.value: status.phrase for status in http.HTTPStatus}
