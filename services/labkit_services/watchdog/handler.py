"""What is the same in every mode: health, metrics, how many requests at once, how late an answer."""

from __future__ import annotations

import time
from functools import partial

from labkit_services.contract.durations import format_duration
from labkit_services.contract.names import INTERNAL
from labkit_services.http import HangUpError, HttpError, Request, Response
from labkit_services.watchdog.backend import Backend
from labkit_services.watchdog.config import Config
from labkit_services.watchdog.health import LockFile
from labkit_services.watchdog.metrics import HttpMetrics
from labkit_services.watchdog.output import WatchdogLog
from labkit_services.watchdog.relay import Relay


class Watchdog:
    """Looks at a request before the function does, and at its answer.

    Attributes:
        accepting: Whether it says that it is healthy.
    """

    def __init__(
        self, config: Config, backend: Backend, lock: LockFile, metrics: HttpMetrics, log: WatchdogLog
    ) -> None:
        self.accepting = False
        self._limit = config.max_inflight or float("inf")
        self._write_timeout = config.write_timeout or float("inf")
        self._backend = backend
        self._lock = lock
        self._metrics = metrics
        self._log = log

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == "/_/health":
            return self._health(request)
        if request.path == "/_/ready" and self._backend.tells_ready:
            return await self._ready(request)
        begun = time.perf_counter()
        self._metrics.in_flight += 1
        status = 0
        passed_on = False
        try:
            response = await self._answer(request)
            status = response.status
            if isinstance(response.body, bytes):
                self._hang_up_if_late(begun)
            else:
                over = partial(self._over, request.method, status, begun)
                response.body = Relay(response.body, over, partial(self._hang_up_if_late, begun))
                passed_on = True
            return response
        except HttpError as error:  # its body is too large, or never came
            status = error.status
            raise
        finally:
            if not passed_on:
                self._over(request.method, status, begun)

    async def _answer(self, request: Request) -> Response:
        if self._metrics.in_flight > self._limit:  # this one is among them
            return self._too_many()
        if self._backend.methods is not None and request.method not in self._backend.methods:
            return Response(405)
        return await self._backend.answer(request)

    def _hang_up_if_late(self, begun: float) -> None:
        """Do what Go's server does when it can write no more: nothing, and close the connection.

        Its deadline is ``write_timeout`` after the end of the request's head, which is when
        the handler begins. The function is not disturbed: only its answer has come too late.
        """
        if time.perf_counter() - begun > self._write_timeout:
            self._log.line(
                f"The answer came after write_timeout: {format_duration(self._write_timeout)}."
                " The connection is closed without it."
            )
            raise HangUpError

    def _over(self, method: str, status: int, begun: float) -> None:
        self._metrics.in_flight -= 1
        if status:  # else the client has gone, and there was no answer
            self._metrics.answered(status, method, time.perf_counter() - begun)

    def _too_many(self) -> Response:
        text = f"Concurrent request limit exceeded. Max concurrent requests: {self._limit}\n"
        return Response(429, [("Content-Type", "text/plain"), (INTERNAL, "faas-middleware")], text.encode())

    async def _ready(self, request: Request) -> Response:
        if self._metrics.in_flight >= self._limit:
            return self._too_many()
        health = self._health(request)
        if health.status == 200 and not await self._backend.ready():
            return Response(503)
        return health

    def _health(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(405)
        if not (self.accepting and self._lock.present()):
            return Response(503)
        return Response.text(200, "OK")
