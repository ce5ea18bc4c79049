"""The requests of a bin: list, wait, show, annotate, delete."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from labkit_services.http import Request, Response
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.queries.request_query import RequestPage, RequestQuery
from labkit_services.inspector.routes.route_group import (
    PathValues,
    Route,
    find_bin,
    find_record,
)
from labkit_services.inspector.storage.bin_store import BinStore


class RequestRoutes:
    """The routes of requests."""

    def __init__(self, store: BinStore, waiters: RequestWaiters) -> None:
        self._store = store
        self._waiters = waiters
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/requests", self._list),
            ("DELETE", "/api/v1/bins/{bin}/requests", self._clear),
            ("GET", "/api/v1/bins/{bin}/requests/{id}", self._get),
            ("GET", "/api/v1/bins/{bin}/requests/{id}/raw", self._get_raw),
            ("DELETE", "/api/v1/bins/{bin}/requests/{id}", self._delete),
        ]

    async def _list(self, request: Request, path: PathValues) -> Response:
        query = RequestQuery.parse(request.query)
        name = find_bin(self._store, path).name
        timed_out = bool(query.wait) and not await self._waiters.wait(name, query)
        stored = find_bin(self._store, path)  # it may have been deleted in the meantime
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

    async def _clear(self, _request: Request, path: PathValues) -> Response:
        self._store.clear(find_bin(self._store, path))
        return Response(204)

    async def _get(self, _request: Request, path: PathValues) -> Response:
        return Response.json(200, find_record(self._store, path).to_json())

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


async def _page_json(page: RequestPage, counts: dict[str, Any], *, bodies: bool) -> AsyncIterator[bytes]:
    # In pieces: hundreds of bodies in one document would take many times the
    # memory of the records.
    separator = b'{"requests":['
    for record in page.records:
        yield separator + json.dumps(record.to_json() if bodies else record.summary()).encode()
        separator = b","
    yield (b"" if page.records else separator) + b"]," + json.dumps(counts).encode()[1:]
