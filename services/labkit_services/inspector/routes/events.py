"""Live events of all bins, or of one: as a stream, or polled."""

from __future__ import annotations

from urllib.parse import parse_qs

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.numbers import parse_whole_number
from labkit_services.http import Request, Response
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin
from labkit_services.inspector.storage.bin_store import BinStore

STREAM_HEADERS = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
)
_DEFAULT_WAIT_SECONDS = 25.0
_MAX_WAIT_SECONDS = 60.0
_MAX_NUMBER = 2**63 - 1


class EventRoutes:
    """The routes of events.

    A client continues after the last event that it has: an ``EventSource``
    does by the header ``Last-Event-ID``, others by ``after``.
    """

    def __init__(self, store: BinStore, events: ServerSentEvents) -> None:
        self._store = store
        self._events = events
        self.routes: list[Route] = [
            ("GET", "/api/v1/events", self._get),
            ("GET", "/api/v1/bins/{bin}/events", self._get),
        ]

    async def _get(self, request: Request, path: PathValues) -> Response:
        name = find_bin(self._store, path).name if path else ""
        query = {key: values[-1] for key, values in parse_qs(request.query).items()}
        last = query.get("after") or request.headers.get("Last-Event-ID")
        after = parse_whole_number("after", last, 0, _MAX_NUMBER) if last else None
        if query.get("poll") not in (None, "0", "false"):
            wait = parse_duration(query["wait"]) if query.get("wait") else _DEFAULT_WAIT_SECONDS
            return Response.json(200, await self._events.poll(name, after, min(wait, _MAX_WAIT_SECONDS)))
        return Response(200, STREAM_HEADERS, self._events.subscribe(name, after))
