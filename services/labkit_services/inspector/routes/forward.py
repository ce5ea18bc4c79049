"""Where a bin forwards its requests to."""

from __future__ import annotations

from dataclasses import asdict

from labkit_services.http import Request, Response
from labkit_services.inspector.errors import NotFoundError
from labkit_services.inspector.resend.forwarding import Forward, ForwardCounts, Forwarder
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin, read_object
from labkit_services.inspector.storage.bin_store import BinStore


class ForwardRoutes:
    """The routes of forwards."""

    def __init__(self, store: BinStore, forwarder: Forwarder) -> None:
        self._store = store
        self._forwarder = forwarder
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/forward", self._get),
            ("PUT", "/api/v1/bins/{bin}/forward", self._put),
            ("DELETE", "/api/v1/bins/{bin}/forward", self._delete),
        ]

    async def _get(self, _request: Request, path: PathValues) -> Response:
        stored = find_bin(self._store, path)
        if stored.settings.forward is None:
            raise NotFoundError(f"the bin {stored.name} forwards nothing")
        counts = self._forwarder.counts.get(stored.name) or ForwardCounts()
        return Response.json(200, {**stored.settings.forward, **asdict(counts)})

    async def _put(self, request: Request, path: PathValues) -> Response:
        forward = Forward.parse(await read_object(request))
        # Checked again for each request: a name may lead elsewhere by then.
        await self._forwarder.targets.resolve(forward.url)
        name = find_bin(self._store, path).name
        self._store.change_settings(name, forward=forward.to_json())
        self._forwarder.counts.pop(name, None)
        return Response(204)

    async def _delete(self, _request: Request, path: PathValues) -> Response:
        self._store.change_settings(find_bin(self._store, path).name, forward=None)
        return Response(204)
