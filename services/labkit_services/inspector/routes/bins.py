"""Bins: list, create, change, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from labkit_services.contract.times import rfc3339
from labkit_services.http import Request, Response
from labkit_services.inspector.formats.requestbin import requestbin_bin, wants_requestbin
from labkit_services.inspector.records.bin_names import color_of
from labkit_services.inspector.responding.rule_input import parse_rules
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin, read_settings
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoredBin

_SETTINGS: dict[str, type] = {"capacity": int, "answer": int, "note": str, "secret": str, "response": dict}


@dataclass
class BinView:
    """Represents bins as JSON."""

    url: str = ""
    """The inspector's address, which is known once it listens."""

    def to_json(self, stored: StoredBin) -> dict[str, Any]:
        """Return a bin's JSON object."""
        return {
            "name": stored.name,
            "url": f"{self.url}/r/{stored.name}",
            "worker_url": f"{self.url}/r/{stored.name}",
            "browser_url": f"{self.url}/#{stored.name}",
            "color": color_of(stored.name),
            "capacity": stored.settings.capacity,
            "answer": stored.settings.answer,
            "note": stored.settings.note or None,
            "has_secret": bool(stored.settings.secret),
            "rules": len(stored.settings.rules),
            "hold": bool(stored.settings.hold and stored.settings.hold["enabled"]),
            "forward": stored.settings.forward,
            "count": stored.kept,
            "received": stored.received,
            "dropped": stored.dropped,
            "created_at": rfc3339(stored.created_ns),
            "last_received_at": rfc3339(stored.last_received_ns) if stored.last_received_ns else None,
        }


class BinRoutes:
    """The routes of bins."""

    def __init__(self, store: BinStore, view: BinView) -> None:
        self._store = store
        self._view = view
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins", self._list),
            ("POST", "/api/v1/bins", self._create),
            ("PUT", "/api/v1/bins/{bin}", self._put),
            ("GET", "/api/v1/bins/{bin}", self._get),
            ("DELETE", "/api/v1/bins/{bin}", self._delete),
        ]

    async def _list(self, _request: Request, _path: PathValues) -> Response:
        bins = [self._view.to_json(stored) for stored in self._store.bins.values()]
        return Response.json(200, {"bins": bins, "url": self._view.url})

    async def _create(self, request: Request, _path: PathValues) -> Response:
        is_requestbin = wants_requestbin(request)
        if request.headers.get("Content-Type").startswith("application/x-www-form-urlencoded"):
            settings: dict[str, Any] = {}  # RequestBin's client sends ``private`` as a form
        else:
            settings = await read_settings(request, {"name": str, **_SETTINGS})
        name = settings.pop("name", "") or self._unused_name()
        if name in self._store.bins:
            error = {"error": f"there is a bin {name} already", "next": f"use it, or PUT /api/v1/bins/{name}"}
            return Response.json(409, error)
        response = self._changed(name, settings)
        if is_requestbin:
            return Response.json(201, requestbin_bin(self._store.bins[name], color_of(name)))
        return response

    async def _put(self, request: Request, path: PathValues) -> Response:
        return self._changed(unquote(path["bin"]), await read_settings(request, _SETTINGS))

    def _changed(self, name: str, settings: dict[str, Any]) -> Response:
        if (rule := settings.pop("response", None)) is not None:
            parse_rules([rule])
            settings["rules"] = (rule,)
        stored, created = self._store.create(
            name, settings.pop("capacity", None), answer=settings.pop("answer", None)
        )
        if settings:
            stored = self._store.change_settings(name, **settings)
        return Response.json(201 if created else 200, self._view.to_json(stored))

    async def _get(self, request: Request, path: PathValues) -> Response:
        stored = find_bin(self._store, path)
        if wants_requestbin(request):
            return Response.json(200, requestbin_bin(stored, color_of(stored.name)))
        return Response.json(200, self._view.to_json(stored))

    async def _delete(self, _request: Request, path: PathValues) -> Response:
        self._store.delete(find_bin(self._store, path))
        return Response(204)

    def _unused_name(self) -> str:
        number = len(self._store.bins) + 1
        while f"bin-{number}" in self._store.bins:
            number += 1
        return f"bin-{number}"
