"""Server-sent events: sends every change of the store to open pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.live.event_journal import EventJournal, LiveEvent
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoreChange

HEARTBEAT_SECONDS = 10.0
"""A page that receives nothing for much longer knows that its connection is
dead."""

MAX_SUBSCRIBERS = 100
_MAX_PENDING = 1000
_PAUSE_SECONDS = 0.02


@dataclass(slots=True, eq=False)
class _Subscriber:
    bin: str
    pending: list[LiveEvent] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    overflowed: bool = False

    def put(self, event: LiveEvent) -> None:
        if len(self.pending) < _MAX_PENDING:
            self.pending.append(event)
        else:
            self.overflowed = True
        self.woken.set()

    def take(self) -> list[LiveEvent]:
        """Return what is pending, and empty it."""
        pending, self.pending = self.pending, []
        return pending


class ServerSentEvents:
    """The event streams of all subscribers, and the clients that poll.

    The stream of a subscriber that reads too slowly is ended: it connects
    again and continues after the last event that it has.
    """

    def __init__(
        self, store: BinStore, journal: EventJournal, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._journal = journal
        self._heartbeat = heartbeat
        self._subscribers: set[_Subscriber] = set()
        self._closed = False
        store.listeners.add(self._on_change)

    @property
    def count(self) -> int:
        """Number of open streams and polls."""
        return len(self._subscribers)

    def announce(self, name: str, data: dict[str, Any], bin_name: str = "") -> None:
        """Send what is no change of the store to the streams that are open.

        It is not kept: a client that was away does not get it later.
        """
        event = LiveEvent(self._journal.number, name, data)
        for subscriber in self._subscribers:
            if subscriber.bin in ("", bin_name):
                subscriber.put(event)

    def subscribe(self, bin_name: str = "", after: int | None = None) -> AsyncIterator[bytes]:
        """Return the event stream of one bin, or of all.

        It begins after the change with the number ``after``, else now. If
        changes in between are no longer known, ``reset`` is its first event:
        the client must read the lists again.
        """
        self._check_room()
        return self._stream(_Subscriber(bin_name), after)

    async def poll(self, bin_name: str, after: int | None, wait: float) -> dict[str, Any]:
        """Return the changes after a number, or wait for the next one.

        Without a number it returns the present one at once.
        """
        self._check_room()
        subscriber = _Subscriber(bin_name)
        self._subscribers.add(subscriber)
        try:
            if after is None or not self._journal.covers(after):
                return {"events": [], "next": self._journal.number, "reset": after is not None}
            events = list(self._journal.since(after, bin_name))
            if not events and not self._closed:
                try:
                    async with asyncio.timeout(wait):
                        await subscriber.woken.wait()
                except TimeoutError:
                    pass
                events = subscriber.take()
            number = events[-1].number if events else max(after, self._journal.number)
            return {"events": [event.to_json() for event in events], "next": number, "reset": False}
        finally:
            self._subscribers.discard(subscriber)

    def _check_room(self) -> None:
        if len(self._subscribers) >= MAX_SUBSCRIBERS:
            raise TooManyError("too many pages are open", expected=f"at most {MAX_SUBSCRIBERS}")

    async def _stream(self, subscriber: _Subscriber, after: int | None) -> AsyncIterator[bytes]:
        self._subscribers.add(subscriber)
        try:
            # After this the page reads the lists: a change in between is sent
            # twice, not lost.
            yield b"retry: 1000\n\n" + _message("hello", self._journal.number if after is None else after)
            if after is not None:
                is_known = self._journal.covers(after)
                missed = list(self._journal.since(after, subscriber.bin)) if is_known else []
                subscriber.take()  # those are among the missed ones
                if not is_known:
                    yield _message("reset", self._journal.number)
                for event in missed:
                    yield event.encoded
            while not (self._closed or subscriber.overflowed):
                if subscriber.pending:
                    yield b"".join(event.encoded for event in subscriber.take())
                    # What comes meanwhile is sent together: with a hundred
                    # pages each write delays the captures.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                subscriber.woken.clear()
                try:
                    async with asyncio.timeout(self._heartbeat):
                        await subscriber.woken.wait()
                except TimeoutError:
                    yield _message("heartbeat")
        finally:
            self._subscribers.discard(subscriber)

    def _on_change(self, change: StoreChange) -> None:
        event = None
        for subscriber in self._subscribers:
            if subscriber.bin in ("", change.bin.name):
                event = event or self._journal.event_of(change)
                subscriber.put(event)

    def close(self) -> None:
        """End all streams: the inspector stops."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.woken.set()


def _message(name: str, number: int | None = None) -> bytes:
    """Return an event that is no change; ``number`` is the client's cursor."""
    cursor = "" if number is None else f"id: {number}\n"
    return f"{cursor}event: {name}\ndata: {encode({})}\n\n".encode()
