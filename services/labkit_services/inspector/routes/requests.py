"""The requests of a bin: list, wait, show, compare, annotate, delete."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_times import CallTimes
from labkit_services.inspector.formats.decoding import decode_body
from labkit_services.inspector.formats.requestbin import requestbin_request, wants_requestbin
from labkit_services.inspector.formats.webhook_signature import with_signature
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.live.turns import in_turns
from labkit_services.inspector.queries.diff import diff
from labkit_services.inspector.queries.request_query import RequestFilter, RequestPage, RequestQuery
from labkit_services.inspector.queries.verify import near_misses
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.routes.route_group import (
    PathValues,
    Route,
    find_bin,
    find_record,
    read_settings,
)
from labkit_services.inspector.storage.bin_store import BinStore

_LONGEST = {"note": 10_000, "mark": 40}
_MAX_WAIT_SECONDS = 60.0
_CLOSEST_AMONG = 200
"""How many of the newest requests are compared when a wait is in vain."""


class RequestRoutes:
    """The routes of requests."""

    def __init__(self, store: BinStore, waiters: RequestWaiters, times: CallTimes) -> None:
        self._store = store
        self._waiters = waiters
        self._times = times
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/requests", self._list),
            ("DELETE", "/api/v1/bins/{bin}/requests", self._clear),
            ("POST", "/api/v1/bins/{bin}/requests/shift", self._shift),
            ("GET", "/api/v1/bins/{bin}/requests/{id}", self._get),
            ("GET", "/api/v1/bins/{bin}/requests/{id}/raw", self._get_raw),
            ("PATCH", "/api/v1/bins/{bin}/requests/{id}", self._annotate),
            ("DELETE", "/api/v1/bins/{bin}/requests/{id}", self._delete),
            ("GET", "/api/v1/bins/{bin}/requests/{id}/diff", self._diff),
        ]

    async def _list(self, request: Request, path: PathValues) -> Response:
        query, is_requestbin = RequestQuery.parse(request.query), wants_requestbin(request)
        name = find_bin(self._store, path).name
        timed_out = bool(query.wait) and not await self._waiters.wait(name, query)
        stored = find_bin(self._store, path)  # it may have been deleted in the meantime
        page = self._store.select(name, query)
        counts: dict[str, Any] = {
            "count": len(page.records),
            "total": page.total,
            "dropped": stored.dropped,
            "next": page.next,
        }
        if timed_out:
            counts |= {"timed_out": True, "closest": self._closest(name, query)}
        if is_requestbin:
            return Response.json(200, [requestbin_request(record) for record in page.records])
        body = _page_json(page, counts, bodies=query.bodies, secret=stored.settings.secret)
        return Response(200, [("Content-Type", "application/json")], body)

    def _closest(self, name: str, query: RequestQuery) -> list[dict[str, Any]]:
        """Return the requests that nearly match, and what differs."""
        newest = self._store.select(name, RequestQuery(RequestFilter(), limit=_CLOSEST_AMONG)).records
        return [miss.to_json() for miss in near_misses(newest[::-1], query.filter.conditions)]

    async def _clear(self, _request: Request, path: PathValues) -> Response:
        self._store.clear(find_bin(self._store, path))
        return Response(204)

    async def _get(self, request: Request, path: PathValues) -> Response:
        record = find_record(self._store, path)
        if wants_requestbin(request):
            return Response.json(200, requestbin_request(record))
        document = with_signature(record, find_bin(self._store, path).settings.secret)
        if document["openfaas"] is not None:
            document["openfaas"] |= await self._times.of(record)
        return Response.json(200, document | {"decoded": _decoded(record)})

    async def _annotate(self, request: Request, path: PathValues) -> Response:
        """Change note, mark and pin; a field that is missing stays."""
        changes = await read_settings(request, {"note": str, "mark": str, "pinned": bool})
        for name, text in changes.items():
            longest = _LONGEST.get(name, 0)
            if isinstance(text, str) and len(text) > longest:
                expected = f"at most {longest} characters"
                raise InvalidValueError(f"the {name} is too long", expected=expected, seen=str(len(text)))
        record = find_record(self._store, path)
        record = self._store.annotate(record.bin, record.id, **changes)
        return Response.json(200, record.to_json())

    async def _shift(self, request: Request, path: PathValues) -> Response:
        """Remove the oldest request and return it; 204 if there is none."""
        wait = dict(parse_qsl(request.query)).get("wait", "")
        seconds = min(parse_duration(wait), _MAX_WAIT_SECONDS) if wait else 0.0
        name = find_bin(self._store, path).name
        if seconds:
            await self._waiters.wait(name, RequestQuery(RequestFilter(), newest=False, wait=seconds))
        find_bin(self._store, path)  # it may have been deleted in the meantime
        record = self._store.record(name, "first")
        if record is None:
            return Response(204)
        self._store.delete_record(record)
        return Response.json(200, record.to_json())

    async def _diff(self, request: Request, path: PathValues) -> Response:
        """Compare a request with any other: ``?with=ID&bin=NAME``."""
        query = dict(parse_qsl(request.query))
        if not query.get("with"):
            raise InvalidValueError("with is missing", expected="?with=ID, the other request")
        one = find_record(self._store, path)
        other = find_record(self._store, {"bin": query.get("bin") or path["bin"], "id": query["with"]})
        return Response.json(200, {"from": one.id, "to": other.id} | diff(one, other))

    async def _get_raw(self, _request: Request, path: PathValues) -> Response:
        """Return the body's bytes, as plain text or as a download.

        The sender's content type is ignored, so that no browser runs them.
        """
        record = find_record(self._store, path)
        is_text = record.request.text is not None
        headers = [
            ("Content-Type", "text/plain; charset=utf-8" if is_text else "application/octet-stream"),
            ("Content-Disposition", f'{"inline" if is_text else "attachment"}; filename="{record.id}"'),
        ]
        if record.request.truncated:
            headers.append(("X-Truncated", f"{len(record.request.body)} of {record.request.size} bytes"))
        return Response(200, headers, record.request.body)

    async def _delete(self, _request: Request, path: PathValues) -> Response:
        self._store.delete_record(find_record(self._store, path))
        return Response(204)


def _decoded(record: RequestRecord) -> dict[str, Any] | None:
    """Return the body for viewing, if that is not simply its text."""
    request = record.request
    decoded = decode_body(request.body, request.headers, truncated=request.truncated)
    if not decoded.encodings and not decoded.notes and decoded.text == request.text:
        return None
    return asdict(decoded)


async def _page_json(
    page: RequestPage, counts: dict[str, Any], *, bodies: bool, secret: str
) -> AsyncIterator[bytes]:
    # In pieces: hundreds of bodies in one document would take many times the
    # memory of the records.
    separator = b'{"requests":['
    async for record in in_turns(page.records):
        document = with_signature(record, secret) if bodies else record.summary()
        yield separator + json.dumps(document).encode()
        separator = b","
    yield (b"" if page.records else separator) + b"]," + json.dumps(counts).encode()[1:]
