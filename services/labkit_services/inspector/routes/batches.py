"""Batches: several calls, sent in the background."""

from __future__ import annotations

from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_batches import BatchOrder, CallBatches
from labkit_services.inspector.routes.route_group import PathValues, Route, read_object

_BODY_BYTES = 1024 * 1024


class BatchRoutes:
    """The routes of batches."""

    def __init__(self, batches: CallBatches) -> None:
        self._batches = batches
        self.routes: list[Route] = [
            ("GET", "/api/v1/batches", self._list),
            ("POST", "/api/v1/batches", self._start),
            ("GET", "/api/v1/batches/{id}", self._get),
            ("DELETE", "/api/v1/batches/{id}", self._stop),
        ]

    async def _list(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, {"batches": [batch.to_json() for batch in self._batches.list()]})

    async def _start(self, request: Request, _path: PathValues) -> Response:
        order = BatchOrder.parse(await read_object(request, _BODY_BYTES))
        return Response.json(202, self._batches.start(order).to_json())

    async def _get(self, _request: Request, path: PathValues) -> Response:
        return Response.json(200, self._batches.find(path["id"]).to_json())

    async def _stop(self, _request: Request, path: PathValues) -> Response:
        self._batches.stop_batch(path["id"])
        return Response(204)
