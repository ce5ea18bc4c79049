"""Calls: their list, one of them, live events, and sending one."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl, unquote

from labkit_services.http import Request, Response
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.call_list import call_named, list_response, one_response
from labkit_services.inspector.calls.call_parts import CallParts
from labkit_services.inspector.calls.call_query import CallQuery
from labkit_services.inspector.calls.call_sender import CallOrder, CallSender
from labkit_services.inspector.calls.call_stream import CallStream
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.errors import NotTakenError
from labkit_services.inspector.routes.batches import BatchRoutes
from labkit_services.inspector.routes.events import STREAM_HEADERS
from labkit_services.inspector.routes.faults import FaultRoutes
from labkit_services.inspector.routes.lab import LabApiRoutes
from labkit_services.inspector.routes.logs import LogApiRoutes
from labkit_services.inspector.routes.queues import QueueApiRoutes
from labkit_services.inspector.routes.route_group import PathValues, Route, RouteGroup, read_object

_BODY_BYTES = 4 * 1024 * 1024


class CallApiRoutes:
    """The routes of calls."""

    def __init__(self, feed: CallFeed, stream: CallStream, poller: LabPoller, sender: CallSender) -> None:
        self._feed = feed
        self._stream = stream
        self._poller = poller
        self._sender = sender
        self.routes: list[Route] = [
            ("GET", "/api/v1/calls", self._list),
            ("POST", "/api/v1/calls", self._send),
            ("GET", "/api/v1/calls/events", self._events),
            ("GET", "/api/v1/calls/{id}", self._get),
            ("DELETE", "/api/v1/calls/{id}", self._cancel),
        ]

    async def _list(self, request: Request, _path: PathValues) -> Response:
        query = CallQuery.parse(request.query)
        if query.at is not None:
            raise NotTakenError(
                "the calls of a running lab are shown as they are now",
                expected="no parameter at",
                next_step="save a record, lab.record('run.jsonl'), and open it: labkit open run.jsonl",
            )
        await self._feed.catch_up()
        await self._feed.refresh()
        return list_response(self._feed.index, query, time.time_ns())

    async def _get(self, request: Request, path: PathValues) -> Response:
        call_id, function = call_named(request, path)
        await self._feed.find(call_id, function)
        await self._feed.refresh()
        return one_response(self._feed.index, call_id, function, time.time_ns())

    async def _cancel(self, request: Request, path: PathValues) -> Response:
        """Cancel a call that is queued, waits for a retry, or runs."""
        function = dict(parse_qsl(request.query)).get("function", "")
        await self._sender.cancel(unquote(path["id"]), function)
        return Response(204)

    async def _send(self, request: Request, _path: PathValues) -> Response:
        order = CallOrder.parse(await read_object(request, _BODY_BYTES))
        return Response.json(200, await self._sender.send(order))

    async def _events(self, _request: Request, _path: PathValues) -> Response:
        await self._feed.catch_up()
        await self._feed.refresh()
        events = self._stream.subscribe()
        self._poller.start()
        return Response(200, STREAM_HEADERS, events)


def call_routes(parts: CallParts) -> list[RouteGroup]:
    """Return the routes of calls, queues, services and logs."""
    return [
        CallApiRoutes(parts.feed, parts.stream, parts.poller, parts.sender),
        BatchRoutes(parts.batches),
        QueueApiRoutes(parts.lab, parts.poller, parts.peek),
        LabApiRoutes(parts.lab, parts.poller),
        LogApiRoutes(parts.logs),
        FaultRoutes(parts.faults, parts.feed),
    ]
