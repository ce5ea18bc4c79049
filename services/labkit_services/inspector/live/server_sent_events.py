"""Server-sent events: sends every change of the store to open pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoreChange, StoredBin

HEARTBEAT_SECONDS = 10.0
"""A page that receives nothing for much longer knows that its connection is
dead."""

MAX_SUBSCRIBERS = 100
_MAX_PENDING = 1000


@dataclass(slots=True, eq=False)
class _Subscriber:
    bin: str
    pending: list[bytes] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    overflowed: bool = False

    def put(self, event: bytes) -> None:
        if len(self.pending) < _MAX_PENDING:
            self.pending.append(event)
        else:
            self.overflowed = True
        self.woken.set()


class ServerSentEvents:
    """The event streams of all subscribers.

    The stream of a subscriber that reads too slowly is ended: the browser
    reconnects and reads the lists again, which are shorter than all missed
    events.
    """

    def __init__(
        self,
        store: BinStore,
        bin_to_json: Callable[[StoredBin], dict[str, Any]],
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._bin_to_json = bin_to_json
        self._heartbeat = heartbeat
        self._subscribers: set[_Subscriber] = set()
        self._closed = False
        store.listeners.append(self._on_change)

    def subscribe(self, bin_name: str = "") -> AsyncIterator[bytes]:
        """Return the event stream of one bin, or of all."""
        if len(self._subscribers) >= MAX_SUBSCRIBERS:
            raise TooManyError("too many pages are open", expected=f"at most {MAX_SUBSCRIBERS}")
        return self._stream(_Subscriber(bin_name))

    async def _stream(self, subscriber: _Subscriber) -> AsyncIterator[bytes]:
        self._subscribers.add(subscriber)
        try:
            # After this the page reads the lists: a change in between is sent
            # twice, not lost.
            yield b"retry: 1000\n\n" + _encode_event("hello", {})
            while not (self._closed or subscriber.overflowed):
                if subscriber.pending:
                    pending, subscriber.pending = subscriber.pending, []
                    yield b"".join(pending)
                    continue
                subscriber.woken.clear()
                try:
                    async with asyncio.timeout(self._heartbeat):
                        await subscriber.woken.wait()
                except TimeoutError:
                    yield _encode_event("heartbeat", {})
        finally:
            self._subscribers.discard(subscriber)

    def _on_change(self, change: StoreChange) -> None:
        subscribers = [each for each in self._subscribers if each.bin in ("", change.bin.name)]
        if not subscribers:
            return
        data = {"bin": self._bin_to_json(change.bin)}
        if change.record is not None:
            data["request"] = change.record.summary()
        event = _encode_event(change.kind, data)
        for subscriber in subscribers:
            subscriber.put(event)

    def close(self) -> None:
        """End all streams: the inspector stops."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.woken.set()


def _encode_event(event: str, data: dict[str, Any]) -> bytes:
    # JSON contains no line break, which would end the data.
    return f"event: {event}\ndata: {encode(data)}\n\n".encode()
