"""The inspector itself: health, readiness, status, metrics, OpenAPI."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from labkit_services.contract.names import VERSION
from labkit_services.contract.times import rfc3339
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_parts import CallParts
from labkit_services.inspector.metrics import InspectorMetrics, resident_bytes
from labkit_services.inspector.routes.bins import BinView
from labkit_services.inspector.routes.route_group import PathValues, Route
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.runtime.metrics import CONTENT_TYPE
from labkit_services.web.openapi_document import OpenApiDocument

document = OpenApiDocument(Path(__file__).with_name("openapi.yaml"))


class AboutRoutes:
    """The routes that describe the inspector.

    Those outside of ``/api`` need no token: monitors have none.
    """

    def __init__(self, store: BinStore, view: BinView, calls: CallParts, metrics: InspectorMetrics) -> None:
        self._store = store
        self._view = view
        self._calls = calls
        self._metrics = metrics
        self._started_ns = time.time_ns()
        self.routes: list[Route] = [
            ("GET", "/api/v1/status", self._status),
            *_twice("/healthz", self._health),
            *_twice("/ready", self._ready),
            *_twice("/metrics", self._get_metrics),
            *_twice("/openapi.json", document.respond),
        ]

    async def _health(self, _request: Request, _path: PathValues) -> Response:
        return Response.text(200, "OK\n")

    async def _ready(self, _request: Request, _path: PathValues) -> Response:
        """Tell whether requests can be captured: 503 if nothing is saved."""
        failure = self._store.failure
        if failure is None:
            return Response.json(200, {"ready": True})
        error = {"error": failure.headline, "seen": failure.seen, "next": failure.next_step}
        return Response.json(503, {"ready": False, **{key: text for key, text in error.items() if text}})

    async def _get_metrics(self, _request: Request, _path: PathValues) -> Response:
        return Response(200, [("Content-Type", CONTENT_TYPE)], self._metrics.text())

    async def _status(self, _request: Request, _path: PathValues) -> Response:
        store, path = self._store, self._store.path
        failure = store.failure
        document: dict[str, Any] = {
            "name": "inspector",
            "version": VERSION,
            "pid": os.getpid(),
            "url": self._view.url,
            "run_id": self._calls.lab.run_id(),
            "started_at": rfc3339(self._started_ns),
            "uptime_seconds": round((time.time_ns() - self._started_ns) / 1e9, 3),
            "ready": failure is None,
            "error": str(failure) if failure else None,
            "bins": len(store.bins),
            "requests": sum(stored.kept for stored in store.bins.values()),
            "dropped": sum(stored.dropped for stored in store.bins.values()),
            "history_bytes": store.used_bytes,
            "history": "memory" if path is None else path.name,
            "memory_bytes": resident_bytes(),
            "limits": asdict(store.limits),
            "event_log": self._calls.event_log.state,
        }
        return Response.json(200, document)


def _twice(path: str, handler: Any) -> list[Route]:
    return [("GET HEAD", path, handler), ("GET", f"/api/v1{path}", handler)]
