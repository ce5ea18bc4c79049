"""What the watchdog counts, and the port of its own where it tells (both watchdogs' ``metrics/``)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from labkit_services.http import HttpServer, Request, Response
from labkit_services.runtime.metrics import CONTENT_TYPE, Durations, gauge, prometheus_text
from labkit_services.watchdog.output import WatchdogLog

_LABELS = ("code", "method")
_METHODS = {
    method: method.lower()
    for method in (
        *("GET", "PUT", "HEAD", "POST", "DELETE", "CONNECT"),
        *("OPTIONS", "NOTIFY", "TRACE", "PATCH"),
    )
}
"""As Go's promhttp spells them; any other is ``unknown``."""


class HttpMetrics:
    """Counts of the requests to the function, by status code and method.

    Attributes:
        in_flight: Those whose answer is not yet complete.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._answered = Durations()

    def answered(self, code: int, method: str, seconds: float) -> None:
        """Count an answer."""
        self._answered.observe((code, _METHODS.get(method, "unknown")), seconds)

    def text(self) -> bytes:
        """Return the Prometheus text."""
        return prometheus_text(
            self._answered.counter("http_requests", "total HTTP requests processed", _LABELS),
            self._answered.histogram(
                "http_request_duration_seconds", "Seconds spent serving HTTP requests.", _LABELS
            ),
            gauge("http_requests_in_flight", "total HTTP requests in-flight", (), [((), self.in_flight)]),
        )


@contextlib.asynccontextmanager
async def serve_metrics(metrics: HttpMetrics, host: str, port: int, log: WatchdogLog) -> AsyncIterator[str]:
    """Serve ``/metrics``, and nothing else, for the length of a block; yield where, or "" if nowhere.

    Where the port can't be had, OpenFaaS's watchdogs panic: a container's ports are
    its own. Here somebody else may have it, and a function is worth more than its counts.
    """

    async def answer(request: Request) -> Response:
        if request.path != "/metrics":
            return Response.text(404, "404 page not found\n")
        return Response(200, [("Content-Type", CONTENT_TYPE)], metrics.text())

    server = HttpServer(answer)
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
