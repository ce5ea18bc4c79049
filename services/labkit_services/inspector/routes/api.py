"""The REST API under ``/api/v1``: bins, their requests, and live events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.contract.names import VERSION
from labkit_services.contract.times import rfc3339
from labkit_services.http import Request, Response, Router
from labkit_services.inspector.errors import NotFoundError
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.queries.request_query import RequestPage, RequestQuery
from labkit_services.inspector.records.bin_names import color_of
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoredBin

_SETTINGS_BYTES = 64 * 1024
_STREAM = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))

_Path = dict[str, str]


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
            "count": stored.kept,
            "received": stored.received,
            "dropped": stored.dropped,
            "created_at": rfc3339(stored.created_ns),
            "last_received_at": rfc3339(stored.last_received_ns) if stored.last_received_ns else None,
        }


class InspectorApi:
    """The API's routes. Access was checked before."""

    def __init__(
        self, store: BinStore, waiters: RequestWaiters, events: ServerSentEvents, view: BinView
    ) -> None:
        self._store = store
        self._waiters = waiters
        self._events = events
        self._view = view
        router = self.router = Router()
        router.add("GET", "/api/v1/version", self._version)
        router.add("GET", "/api/v1/events", self._stream_events)
        router.add("GET", "/api/v1/bins", self._list_bins)
        router.add("POST", "/api/v1/bins", self._create_bin)
        router.add("PUT", "/api/v1/bins/{bin}", self._put_bin)
        router.add("GET", "/api/v1/bins/{bin}", self._get_bin)
        router.add("DELETE", "/api/v1/bins/{bin}", self._delete_bin)
        router.add("GET", "/api/v1/bins/{bin}/events", self._stream_events)
        router.add("GET", "/api/v1/bins/{bin}/requests", self._list_requests)
        router.add("DELETE", "/api/v1/bins/{bin}/requests", self._delete_requests)
        router.add("GET", "/api/v1/bins/{bin}/requests/{id}", self._get_request)
        router.add("GET", "/api/v1/bins/{bin}/requests/{id}/raw", self._get_raw)
        router.add("DELETE", "/api/v1/bins/{bin}/requests/{id}", self._delete_request)

    async def _version(self, _request: Request, _path: _Path) -> Response:
        return Response.json(200, {"name": "inspector", "version": VERSION})

    # -- bins

    async def _list_bins(self, _request: Request, _path: _Path) -> Response:
        bins = [self._view.to_json(stored) for stored in self._store.bins.values()]
        return Response.json(200, {"bins": bins, "url": self._view.url})

    async def _create_bin(self, request: Request, _path: _Path) -> Response:
        settings = await _read_settings(request, {"name": str, "capacity": int, "answer": int})
        name = settings.get("name") or _unused_name(self._store)
        if name in self._store.bins:
            error = {"error": f"there is a bin {name} already", "next": f"use it, or PUT /api/v1/bins/{name}"}
            return Response.json(409, error)
        stored, _ = self._store.create(name, settings.get("capacity"), answer=settings.get("answer"))
        return Response.json(201, self._view.to_json(stored))

    async def _put_bin(self, request: Request, path: _Path) -> Response:
        settings = await _read_settings(request, {"capacity": int, "answer": int})
        name = unquote(path["bin"])
        stored, created = self._store.create(name, settings.get("capacity"), answer=settings.get("answer"))
        return Response.json(201 if created else 200, self._view.to_json(stored))

    async def _get_bin(self, _request: Request, path: _Path) -> Response:
        return Response.json(200, self._view.to_json(self._bin(path)))

    async def _delete_bin(self, _request: Request, path: _Path) -> Response:
        self._store.delete(self._bin(path))
        return Response(204)

    # -- requests

    async def _list_requests(self, request: Request, path: _Path) -> Response:
        query = RequestQuery.parse(request.query)
        name = self._bin(path).name
        timed_out = bool(query.wait) and not await self._waiters.wait(name, query)
        stored = self._bin(path)  # it may have been deleted in the meantime
        page = self._store.select(name, query)
        counts = {
            "count": len(page.records),
            "total": page.total,
            "dropped": stored.dropped,
            "next": page.next,
            **({"timed_out": True} if timed_out else {}),
        }
        body = _page_json(page, counts, bodies=query.bodies)
        return Response(200, [("Content-Type", "application/json")], body)

    async def _delete_requests(self, _request: Request, path: _Path) -> Response:
        self._store.clear(self._bin(path))
        return Response(204)

    async def _get_request(self, _request: Request, path: _Path) -> Response:
        return Response.json(200, self._record(path).to_json())

    async def _get_raw(self, _request: Request, path: _Path) -> Response:
        """Return the body's bytes, as plain text or as a download.

        The sender's content type is ignored, so that no browser runs them.
        """
        record = self._record(path)
        is_text = record.request.text is not None
        headers = [
            ("Content-Type", "text/plain; charset=utf-8" if is_text else "application/octet-stream"),
            ("Content-Disposition", f'{"inline" if is_text else "attachment"}; filename="{record.id}"'),
        ]
        if record.request.truncated:
            headers.append(("X-Truncated", f"{len(record.request.body)} of {record.request.size} bytes"))
        return Response(200, headers, record.request.body)

    async def _delete_request(self, _request: Request, path: _Path) -> Response:
        self._store.delete_record(self._record(path))
        return Response(204)

    # -- live events: of all bins, or of one

    async def _stream_events(self, _request: Request, path: _Path) -> Response:
        return Response(200, _STREAM, self._events.subscribe(self._bin(path).name if path else ""))

    # -- lookup

    def _bin(self, path: _Path) -> StoredBin:
        name = unquote(path["bin"])
        if (stored := self._store.bins.get(name)) is not None:
            return stored
        names = ", ".join(list(self._store.bins)[:20]) or "none: there are no bins yet"
        next_step = "create it: PUT /api/v1/bins/NAME, or send a request to it"
        raise NotFoundError(f"there is no bin {name[:80]!a}", expected=f"one of {names}", next_step=next_step)

    def _record(self, path: _Path) -> RequestRecord:
        stored, wanted = self._bin(path), path["id"]
        record = self._store.record(stored.name, wanted)
        if record is None:
            raise NotFoundError(
                f"the bin {stored.name} holds no such request",
                expected="latest, first, or the id of one of its requests",
                seen=f"{wanted[:80]!a}; it holds {stored.kept}, {stored.dropped} were dropped",
            )
        return record


async def _page_json(page: RequestPage, counts: dict[str, Any], *, bodies: bool) -> AsyncIterator[bytes]:
    # In pieces: hundreds of bodies in one document would take many times the
    # memory of the records.
    separator = b'{"requests":['
    for record in page.records:
        yield separator + json.dumps(record.to_json() if bodies else record.summary()).encode()
        separator = b","
    yield (b"" if page.records else separator) + b"]," + json.dumps(counts).encode()[1:]


async def _read_settings(request: Request, known: dict[str, type]) -> dict[str, Any]:
    """Read a JSON object from the body; an empty body is an empty object."""
    body = await request.body(_SETTINGS_BYTES)
    try:
        settings = read_json(body or b"{}")
    except InvalidJsonError as error:
        raise InvalidValueError("the body is not JSON", expected="an object", seen=str(error)) from None
    if not isinstance(settings, dict) or not all(
        name in known and type(value) is known[name] for name, value in settings.items()
    ):
        expected = ", ".join(f"{name}: {kind.__name__}" for name, kind in known.items())
        raise InvalidValueError(
            "the body has unknown fields or wrong types",
            expected=f"an object with {expected}",
            seen=ascii(body[:200].decode("utf-8", "replace")),
        )
    return settings


def _unused_name(store: BinStore) -> str:
    number = len(store.bins) + 1
    while f"bin-{number}" in store.bins:
        number += 1
    return f"bin-{number}"
