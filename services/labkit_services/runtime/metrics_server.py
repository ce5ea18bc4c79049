"""Serve ``/metrics`` and ``/healthz`` on a separate port, as OpenFaaS does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from labkit_services.contract.errors import LabError
from labkit_services.http import HttpServer, Request, Response
from labkit_services.runtime.listening import ListenSettings
from labkit_services.runtime.log import Log
from labkit_services.runtime.metrics import CONTENT_TYPE


class MetricsServer:
    """Serves the metrics that ``text`` returns."""

    def __init__(self, text: Callable[[], Awaitable[bytes]], log: Log) -> None:
        self._text = text
        self._log = log
        self._server = HttpServer(self._respond, on_error=self._on_error)

    async def start(self, where: ListenSettings) -> str:
        """Listen; return the metrics' URL."""
        host, bound = await where.start(self._server)
        return f"http://{host}:{bound}/metrics"

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop(0.0)

    async def _respond(self, request: Request) -> Response:
        match request.path:
            case "/metrics":
                try:
                    return Response(200, [("Content-Type", CONTENT_TYPE)], await self._text())
                except LabError as error:
                    return Response.error(503, f"{error}\n")
            case "/healthz":
                return Response.text(200, "OK\n")
            case _:
                return Response.error(404, "404 page not found\n")

    def _on_error(self, request: Request, error: BaseException) -> None:
        self._log.error(f"handler failed: {error!r}", method=request.method, path=request.path)
