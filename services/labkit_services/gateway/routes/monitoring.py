"""``/healthz``, ``/metrics`` and ``/system/info``."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable

from labkit_services.contract.names import VERSION
from labkit_services.gateway.functions.provider import ReplicaBackend
from labkit_services.gateway.routes import Route
from labkit_services.http import Request, Response
from labkit_services.runtime.metrics import CONTENT_TYPE


class MonitoringRoutes:
    """Handlers that describe the gateway itself."""

    def __init__(self, backend: ReplicaBackend, metrics_text: Callable[[], Awaitable[bytes]]) -> None:
        self._backend = backend
        self._metrics_text = metrics_text
        self.routes: list[Route] = [
            ("GET", "/healthz", self._health),
            ("GET", "/metrics", self._metrics),
            ("GET", "/system/info", self._info),
        ]

    async def _health(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200)

    async def _metrics(self, _: Request, __: dict[str, str]) -> Response:
        return Response(200, [("Content-Type", CONTENT_TYPE)], await self._metrics_text())

    async def _info(self, _: Request, __: dict[str, str]) -> Response:
        version = {"sha": "labkit", "release": VERSION}
        backend = self._backend
        provider = {"provider": backend.name, "version": version, "orchestration": backend.orchestration}
        return Response.json(200, {"provider": provider, "version": version, "arch": platform.machine()})
