"""What all modes share: health, metrics, max_inflight, write_timeout."""

from __future__ import annotations

import time
from functools import partial

from labkit_services.contract.durations import format_duration
from labkit_services.contract.headers import INTERNAL
from labkit_services.http import HangUpError, HttpError, Request, Response
from labkit_services.watchdog.config import WatchdogConfig
from labkit_services.watchdog.health import LockFile
from labkit_services.watchdog.metrics import HttpMetrics
from labkit_services.watchdog.modes.backend import Backend
from labkit_services.watchdog.modes.response_relay import ResponseRelay
from labkit_services.watchdog.output import WatchdogLog


class WatchdogHandler:
    """Passes requests to the backend of a mode.

    ``/_/health`` reports health only while ``accepting``.
    """

    def __init__(self, config: WatchdogConfig, backend: Backend, lock: LockFile, log: WatchdogLog) -> None:
        self.accepting = False
        self.metrics = HttpMetrics()
        self._limit = config.max_inflight or float("inf")
        self._write_timeout = config.write_timeout or float("inf")
        self._backend = backend
        self._lock = lock
        self._log = log

    async def __call__(self, request: Request) -> Response:
        """Return the response to one request."""
        if request.path == "/_/health":
            return self._health(request)
        if request.path == "/_/ready" and self._backend.has_ready_route:
            return await self._ready(request)
        started_at = time.perf_counter()
        self.metrics.in_flight += 1
        status = 0
        streaming = False
        try:
            response = await self._respond(request)
            status = response.status
            if isinstance(response.body, bytes):
                self._hang_up_if_late(started_at)
            else:
                finish = partial(self._finish, request.method, status, started_at)
                check = partial(self._hang_up_if_late, started_at)
                response.body = ResponseRelay(response.body, finish, check)
                streaming = True
            return response
        except HttpError as error:  # the body is too large, or did not arrive
            status = error.status
            raise
        finally:
            if not streaming:
                self._finish(request.method, status, started_at)

    async def _respond(self, request: Request) -> Response:
        if self.metrics.in_flight > self._limit:  # this request is counted, too
            return self._too_many()
        if self._backend.methods is not None and request.method not in self._backend.methods:
            return Response(405)
        return await self._backend.respond(request)

    def _hang_up_if_late(self, started_at: float) -> None:
        """Close the connection after ``write_timeout``, as Go's server does.

        Its deadline is ``write_timeout`` after the end of the request's head,
        which is when the handler begins. The function is not disturbed: only
        its response is too late.
        """
        if time.perf_counter() - started_at > self._write_timeout:
            self._log.line(
                f"The answer came after write_timeout: {format_duration(self._write_timeout)}."
                " The connection is closed without it."
            )
            raise HangUpError

    def _finish(self, method: str, status: int, started_at: float) -> None:
        self.metrics.in_flight -= 1
        if status:  # else the client has disconnected, and there was no response
            self.metrics.count(status, method, time.perf_counter() - started_at)

    def _too_many(self) -> Response:
        text = f"Concurrent request limit exceeded. Max concurrent requests: {self._limit}\n"
        return Response(429, [("Content-Type", "text/plain"), (INTERNAL, "faas-middleware")], text.encode())

    async def _ready(self, request: Request) -> Response:
        if self.metrics.in_flight >= self._limit:
            return self._too_many()
        health = self._health(request)
        if health.status == 200 and not await self._backend.is_ready():
            return Response(503)
        return health

    def _health(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(405)
        if not (self.accepting and self._lock.exists()):
            return Response(503)
        return Response.text(200, "OK")
