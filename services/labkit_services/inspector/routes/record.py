"""A recorded run: the same API, read-only, at any time of the run."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from labkit_services.contract.numbers import parse_whole_number
from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_list import call_named, list_response, one_response
from labkit_services.inspector.calls.call_query import CallQuery, parse_time
from labkit_services.inspector.calls.call_stream import HEARTBEAT_SECONDS, encode_event
from labkit_services.inspector.calls.recorded_calls import RecordedCalls
from labkit_services.inspector.errors import NotFoundError, NotRecordedError
from labkit_services.inspector.records.bin_names import color_of
from labkit_services.inspector.routes.events import STREAM_HEADERS
from labkit_services.inspector.routes.route_group import PathValues, Route

_MAX_STEPS = 20_000
_NEXT = "close the record, and start a lab: labkit up"


class RecordApiRoutes:
    """The routes of a record."""

    def __init__(self, calls: RecordedCalls) -> None:
        self._calls = calls
        self._closed = asyncio.Event()
        self._requests: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for summary in calls.record.requests:
            self._requests[str(summary.get("bin"))].append(summary)
        self.routes: list[Route] = [
            ("GET", "/api/v1/record", self._record),
            ("GET", "/api/v1/calls", self._list),
            ("GET", "/api/v1/calls/events", self._events),
            ("GET", "/api/v1/calls/{id}", self._get),
            ("GET", "/api/v1/events", self._events),
            ("GET", "/api/v1/queues", self._queues),
            ("GET", "/api/v1/functions", self._functions),
            ("GET", "/api/v1/services", self._missing),
            ("GET", "/api/v1/logs", self._missing),
            ("GET", "/api/v1/logs/events", self._missing),
            ("GET", "/api/v1/bins", self._bins),
            ("GET", "/api/v1/bins/{bin}", self._bin),
            ("GET", "/api/v1/bins/{bin}/requests", self._captured),
        ]

    async def _record(self, request: Request, _path: PathValues) -> Response:
        """Return start, end and counts; with ``?steps=N`` also event times."""
        given = dict(parse_qsl(request.query))
        document = self._calls.describe()
        if "steps" in given:
            limit = parse_whole_number("steps", given["steps"], 1, _MAX_STEPS)
            document["steps"] = self._calls.steps(limit)
        return Response.json(200, document)

    async def _list(self, request: Request, _path: PathValues) -> Response:
        query = CallQuery.parse(request.query)
        async with self._calls.at(query.at) as (index, now_ns):
            response = list_response(index, query, now_ns)
            # Whole, because the next request may be for another time.
            assert not isinstance(response.body, bytes)
            response.body = b"".join([part async for part in response.body])
            return response

    async def _get(self, request: Request, path: PathValues) -> Response:
        async with self._calls.at(_at(request)) as (index, now_ns):
            return one_response(index, *call_named(request, path), now_ns)

    async def _queues(self, request: Request, _path: PathValues) -> Response:
        async with self._calls.at(_at(request)) as (index, _):
            return Response.json(200, {"queues": self._calls.queues(index)})

    async def _functions(self, request: Request, _path: PathValues) -> Response:
        async with self._calls.at(_at(request)) as (index, _):
            names = sorted({entry.call.function for entry in index} - {""})
        return Response.json(200, {"functions": [{"name": name} for name in names]})

    async def _events(self, _request: Request, _path: PathValues) -> Response:
        return Response(200, STREAM_HEADERS, self._stream())

    async def _stream(self) -> AsyncIterator[bytes]:
        """Yield heartbeats: nothing happens in a record by itself."""
        yield b"retry: 1000\n\n" + encode_event("hello", {"now": self._calls.end_ns / 1e9, "record": True})
        while not self._closed.is_set():
            try:
                await asyncio.wait_for(self._closed.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield encode_event("heartbeat", {})

    def close(self) -> None:
        """End the streams."""
        self._closed.set()

    async def _missing(self, request: Request, _path: PathValues) -> Response:
        what = "logs" if "/logs" in request.path else "services"
        raise NotRecordedError(f"a record of a run has no {what}", expected="calls and bins", next_step=_NEXT)

    # -- bins

    async def _bins(self, _request: Request, _path: PathValues) -> Response:
        return Response.json(200, {"bins": list(map(self._bin_to_json, sorted(self._requests))), "url": ""})

    async def _bin(self, _request: Request, path: PathValues) -> Response:
        return Response.json(200, self._bin_to_json(self._name(path)))

    async def _captured(self, _request: Request, path: PathValues) -> Response:
        requests = self._requests[self._name(path)][::-1]
        counts = {"count": len(requests), "total": len(requests), "dropped": 0, "next": None}
        return Response.json(200, {"requests": requests, **counts})

    def _name(self, path: PathValues) -> str:
        name = unquote(path["bin"])
        if name not in self._requests:
            expected = ", ".join(sorted(self._requests)) or "none: it has no bins"
            raise NotFoundError(f"the record has no bin {name[:80]!a}", expected=expected)
        return name

    def _bin_to_json(self, name: str) -> dict[str, Any]:
        requests = self._requests[name]
        count = len(requests)
        last = requests[-1].get("received_at")
        return {
            "name": name,
            "color": color_of(name),
            "url": "",
            "worker_url": "",
            "browser_url": "",
            "capacity": count,
            "answer": 200,
            "dropped": 0,
            "count": count,
            "received": count,
            "created_at": None,
            "last_received_at": last,
        }


def _at(request: Request) -> int | None:
    return parse_time("at", dict(parse_qsl(request.query)).get("at", ""))
