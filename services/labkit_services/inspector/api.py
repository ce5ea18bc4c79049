"""The API under ``/api/v1``: bins, their requests, and live events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.names import VERSION
from labkit_services.http import Request, Response, Router
from labkit_services.inspector.errors import NotFoundError
from labkit_services.inspector.filters import Listing, Page, select
from labkit_services.inspector.live import Live
from labkit_services.inspector.names import color_of
from labkit_services.inspector.record import Record, iso_time
from labkit_services.inspector.store import Bin, Store
from labkit_services.inspector.waiting import WaitingRoom

_SETTINGS_BYTES = 64 * 1024
_STREAM = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))

Path = dict[str, str]


class Api:
    """Answers by JSON; who may ask is settled before."""

    def __init__(self, store: Store) -> None:
        self.live = Live(store, self.tell_bin)
        self.room = WaitingRoom(store)
        self._store = store
        self._url = ""
        router = self.router = Router()
        router.add("GET", "/api/v1/version", self._version)
        router.add("GET", "/api/v1/events", self._events)
        router.add("GET", "/api/v1/bins", self._list_bins)
        router.add("POST", "/api/v1/bins", self._create_bin)
        router.add("PUT", "/api/v1/bins/{bin}", self._put_bin)
        router.add("GET", "/api/v1/bins/{bin}", self._get_bin)
        router.add("DELETE", "/api/v1/bins/{bin}", self._delete_bin)
        router.add("GET", "/api/v1/bins/{bin}/events", self._bin_events)
        router.add("GET", "/api/v1/bins/{bin}/requests", self._list_requests)
        router.add("DELETE", "/api/v1/bins/{bin}/requests", self._clear)
        router.add("GET", "/api/v1/bins/{bin}/requests/{id}", self._get_request)
        router.add("GET", "/api/v1/bins/{bin}/requests/{id}/raw", self._get_raw)
        router.add("DELETE", "/api/v1/bins/{bin}/requests/{id}", self._delete_request)

    def at(self, url: str) -> None:
        """Say under which address the inspector listens; known once it does."""
        self._url = url

    def close(self) -> None:
        """Let everyone go who waits or listens."""
        self.room.close()
        self.live.close()

    # -- bins

    def tell_bin(self, told: Bin) -> dict[str, Any]:
        """Return what the API says of a bin."""
        newest = told.newest()
        return {
            "name": told.name,
            "url": f"{self._url}/r/{told.name}",
            "worker_url": f"{self._url}/r/{told.name}",
            "browser_url": f"{self._url}/#{told.name}",
            "color": color_of(told.name),
            "capacity": told.capacity,
            "answer": told.answer,
            "count": len(told.records),
            "received": told.count,
            "dropped": told.dropped,
            "created_at": iso_time(told.created_ns),
            "last_received_at": iso_time(newest.arrival.received_ns) if newest else None,
        }

    async def _version(self, _request: Request, _path: Path) -> Response:
        return Response.json(200, {"name": "inspector", "version": VERSION})

    async def _list_bins(self, _request: Request, _path: Path) -> Response:
        bins = [self.tell_bin(each) for each in self._store.bins.values()]
        return Response.json(200, {"bins": bins, "url": self._url})

    async def _create_bin(self, request: Request, _path: Path) -> Response:
        given = await _settings(request, {"name": str, "capacity": int, "answer": int})
        name = given.get("name") or _fresh_name(self._store)
        if name in self._store.bins:
            return _say(409, f"there is a bin {name} already", f"use it, or PUT /api/v1/bins/{name}")
        created, _ = self._store.create(name, given.get("capacity"), answer=given.get("answer"))
        return Response.json(201, self.tell_bin(created))

    async def _put_bin(self, request: Request, path: Path) -> Response:
        given = await _settings(request, {"capacity": int, "answer": int})
        name = unquote(path["bin"])
        put, created = self._store.create(name, given.get("capacity"), answer=given.get("answer"))
        return Response.json(201 if created else 200, self.tell_bin(put))

    async def _get_bin(self, _request: Request, path: Path) -> Response:
        return Response.json(200, self.tell_bin(self._bin(path)))

    async def _delete_bin(self, _request: Request, path: Path) -> Response:
        self._store.delete(self._bin(path))
        return Response(204)

    # -- requests

    async def _list_requests(self, request: Request, path: Path) -> Response:
        listing = Listing.parse(request.query)
        name = self._bin(path).name
        timed_out = False
        if listing.wait:
            timed_out = not await self.room.until_enough(name, listing)
        target = self._bin(path)  # it may have been deleted in the meantime
        page = select(target.records.values(), listing)
        rest = {
            "count": len(page.records),
            "total": page.total,
            "dropped": target.dropped,
            "next": page.next,
        }
        if timed_out:
            rest["timed_out"] = True
        return Response(200, [("Content-Type", "application/json")], _told(page, rest, bodies=listing.bodies))

    async def _clear(self, _request: Request, path: Path) -> Response:
        self._store.clear(self._bin(path))
        return Response(204)

    async def _get_request(self, _request: Request, path: Path) -> Response:
        return Response.json(200, self._record(path).to_json())

    async def _get_raw(self, _request: Request, path: Path) -> Response:
        """Give the bytes back, never as what they say they are: no browser shall run them."""
        record = self._record(path)
        text = record.arrival.text is not None
        headers = [
            ("Content-Type", "text/plain; charset=utf-8" if text else "application/octet-stream"),
            ("Content-Disposition", f'{"inline" if text else "attachment"}; filename="{record.id}"'),
        ]
        if record.arrival.truncated:
            headers.append(("X-Truncated", f"{len(record.arrival.body)} of {record.arrival.size} bytes"))
        return Response(200, headers, record.arrival.body)

    async def _delete_request(self, _request: Request, path: Path) -> Response:
        self._store.delete_record(self._record(path))
        return Response(204)

    # -- live

    async def _events(self, _request: Request, _path: Path) -> Response:
        return Response(200, _STREAM, self.live.listen())

    async def _bin_events(self, _request: Request, path: Path) -> Response:
        return Response(200, _STREAM, self.live.listen(self._bin(path).name))

    # -- finding

    def _bin(self, path: Path) -> Bin:
        name = unquote(path["bin"])
        found = self._store.bins.get(name)
        if found is None:
            raise NotFoundError(
                f"there is no bin {name[:80]!a}",
                expected="one of "
                + (", ".join(list(self._store.bins)[:20]) or "none: there are no bins yet"),
                next_step="make it: PUT /api/v1/bins/NAME, or send it a request",
            )
        return found

    def _record(self, path: Path) -> Record:
        target, wanted = self._bin(path), path["id"]
        by_place = {"latest": target.newest, "first": target.oldest}
        found = by_place[wanted]() if wanted in by_place else target.records.get(wanted)
        if found is None:
            raise NotFoundError(
                f"the bin {target.name} holds no such request",
                expected="latest, first, or the id of one of its requests",
                seen=f"{wanted[:80]!a}; it holds {len(target.records)}, {target.dropped} were dropped",
            )
        return found


async def _told(page: Page, rest: dict[str, Any], *, bodies: bool) -> AsyncIterator[bytes]:
    # In pieces: hundreds of bodies in one document would be many times the memory they are kept in.
    comma = b'{"requests":['
    for record in page.records:
        yield comma + json.dumps(record.to_json() if bodies else record.summary()).encode()
        comma = b","
    yield (b"" if page.records else comma) + b"]," + json.dumps(rest).encode()[1:]


async def _settings(request: Request, known: dict[str, type]) -> dict[str, Any]:
    """Read a JSON object from the body; an empty body is an empty object."""
    body = await request.body(_SETTINGS_BYTES)
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise InvalidValueError("the body is not JSON", expected="an object", seen=str(error)) from None
    if not isinstance(given, dict) or not all(
        name in known and type(value) is known[name] for name, value in given.items()
    ):
        raise InvalidValueError(
            "the body does not fit",
            expected="an object with "
            + ", ".join(f"{name}: {kind.__name__}" for name, kind in known.items()),
            seen=ascii(body[:200].decode("utf-8", "replace")),
        )
    return given


def _fresh_name(store: Store) -> str:
    number = len(store.bins) + 1
    while f"bin-{number}" in store.bins:
        number += 1
    return f"bin-{number}"


def _say(status: int, error: str, next_step: str) -> Response:
    return Response.json(status, {"error": error, "next": next_step})
