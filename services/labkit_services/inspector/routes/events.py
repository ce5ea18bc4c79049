"""Live events of all bins, or of one."""

from __future__ import annotations

from labkit_services.http import Request, Response
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin
from labkit_services.inspector.storage.bin_store import BinStore

STREAM_HEADERS = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
)


class EventRoutes:
    """The routes of events."""

    def __init__(self, store: BinStore, events: ServerSentEvents) -> None:
        self._store = store
        self._events = events
        self.routes: list[Route] = [
            ("GET", "/api/v1/events", self._stream),
            ("GET", "/api/v1/bins/{bin}/events", self._stream),
        ]

    async def _stream(self, _request: Request, path: PathValues) -> Response:
        name = find_bin(self._store, path).name if path else ""
        return Response(200, STREAM_HEADERS, self._events.subscribe(name))
