"""Request metrics and their port, as in both watchdogs' ``metrics/``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from labkit_services.http import HttpServer, Request, Response
from labkit_services.runtime.metrics import CONTENT_TYPE, Durations, gauge, prometheus_text
from labkit_services.watchdog.output import WatchdogLog

_LABELS = ("code", "method")
_METHODS = {
    method: method.lower()
    for method in ("GET", "PUT", "HEAD", "POST", "DELETE", "CONNECT", "OPTIONS", "NOTIFY", "TRACE", "PATCH")
}
"""Spelled as in Go's promhttp; any other is ``unknown``."""


class HttpMetrics:
    """Counts of the requests to the function, by status code and method."""

    def __init__(self) -> None:
        self.in_flight = 0  # those whose response is not complete yet
        self._durations = Durations()

    def count(self, code: int, method: str, seconds: float) -> None:
        """Count a response."""
        self._durations.observe((code, _METHODS.get(method, "unknown")), seconds)

    def text(self) -> bytes:
        """Return the Prometheus text."""
        return prometheus_text(
            self._durations.counter("http_requests", "total HTTP requests processed", _LABELS),
            self._durations.histogram(
                "http_request_duration_seconds", "Seconds spent serving HTTP requests.", _LABELS
            ),
            gauge("http_requests_in_flight", "total HTTP requests in-flight", (), [((), self.in_flight)]),
        )


@contextlib.asynccontextmanager
async def serve_metrics(metrics: HttpMetrics, host: str, port: int, log: WatchdogLog) -> AsyncIterator[str]:
    """Serve ``/metrics`` for the duration of a block; yield its URL, or "".

    If the port is in use, OpenFaaS's watchdogs panic: a container has all
    ports for itself. Here another process may use it, and the function matters
    more than its metrics.
    """

    async def respond(request: Request) -> Response:
        if request.path != "/metrics":
            return Response.error(404, "404 page not found\n")
        return Response(200, [("Content-Type", CONTENT_TYPE)], metrics.text())

    server = HttpServer(respond)
    url = ""
    try:
        _, bound = await server.start(host, port)
        url = f"http://{host}:{bound}/metrics"
        log.line(f"Metrics listening on port: {bound}")
    except (OSError, OverflowError) as error:
        log.line(
            f"Metrics are not served: listen tcp {host}:{port}: {error}."
            " Set metrics_port to another number, or to 0 for any."
        )
    try:
        yield url
    finally:
        await server.stop(0.0)
