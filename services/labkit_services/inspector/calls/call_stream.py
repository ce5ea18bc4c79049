"""Server-sent events: the calls that change, coalesced, to open pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from labkit_services.call_record.call_index import IndexedCall
from labkit_services.contract.compact_json import encode
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.errors import TooManyError
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

HEARTBEAT_SECONDS = 10.0
_TICK_SECONDS = 0.1
_MAX_SUBSCRIBERS = 50
_MAX_PENDING_BYTES = 4 * 1024 * 1024
_MAX_CALLS = 1000
"""If more calls than this change at once, pages read the list again."""


class _Reader:
    """What one page has not read yet; bounded."""

    def __init__(self) -> None:
        self.pending: list[bytes] = []
        self.woken = asyncio.Event()
        self._size = 0

    def put(self, event: bytes) -> None:
        if self._size + len(event) > _MAX_PENDING_BYTES:
            self.pending, self._size = [], 0
            event = encode_event("reset", {"why": "this page reads too slowly"})
        self.pending.append(event)
        self._size += len(event)
        self.woken.set()

    def take(self) -> bytes:
        pending, self.pending, self._size = self.pending, [], 0
        self.woken.clear()
        return b"".join(pending)


class CallStream:
    """The event streams of all pages that show calls.

    While there is one, a task derives what changes, at most every 100 ms, and
    encodes it once for all. Events: ``hello``, ``calls``, ``fault``,
    ``services``, ``queues``, ``reset`` (read the list again) and
    ``heartbeat``.
    """

    def __init__(
        self, feed: CallFeed, on_failure: OnFailure, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._feed = feed
        self._heartbeat = heartbeat
        self._readers: set[_Reader] = set()
        self._tasks = BackgroundTasks(on_failure)
        self._closed = False

    @property
    def is_read(self) -> bool:
        """Whether a page is open."""
        return bool(self._readers)

    def subscribe(self) -> AsyncIterator[bytes]:
        """Return the event stream of one page, which has the calls so far."""
        if len(self._readers) >= _MAX_SUBSCRIBERS:
            raise TooManyError("too many pages are open", expected=f"at most {_MAX_SUBSCRIBERS}")
        return self._stream(_Reader())

    async def _stream(self, reader: _Reader) -> AsyncIterator[bytes]:
        with self._feed.followed():
            # After this the page reads the list: what changes in between is
            # sent twice, not lost.
            self._readers.add(reader)
            if not len(self._tasks):
                self._tasks.start(self._publish_changes(), name="publish the changed calls")
            try:
                yield b"retry: 1000\n\n" + encode_event("hello", {"now": time.time()})
                while not self._closed:
                    if reader.pending:
                        yield reader.take()
                        continue
                    try:
                        async with asyncio.timeout(self._heartbeat):
                            await reader.woken.wait()
                    except TimeoutError:
                        yield encode_event("heartbeat", {"now": time.time()})
            finally:
                self._readers.discard(reader)

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to all pages."""
        encoded = encode_event(event, data)
        for reader in self._readers:
            reader.put(encoded)

    def close(self) -> None:
        """End all streams: the inspector stops."""
        self._closed = True
        for reader in self._readers:
            reader.woken.set()

    async def stop(self) -> None:
        """Stop publishing."""
        await self._tasks.cancel()

    async def _publish_changes(self) -> None:
        resets, faults = self._feed.resets, self._feed.index.faults()
        await self._feed.take_changed()
        while self._readers and not self._closed:
            changed = self._feed.changed
            seen = (
                self._feed.has_changed or resets != self._feed.resets or faults != self._feed.index.faults()
            )
            if not seen:  # nor came anything while the last changes were published
                # Readers may leave meanwhile.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._heartbeat):
                        await changed.wait()
            if resets != self._feed.resets:
                resets = self._feed.resets
                self.publish("reset", {"why": "the lab was reset"})
            entries = await self._feed.take_changed()
            await self._publish_calls(entries)
            if (now := self._feed.index.faults()) != faults:
                faults = now
                self.publish("fault", {"faults": faults})
            await asyncio.sleep(_TICK_SECONDS)

    async def _publish_calls(self, entries: list[IndexedCall]) -> None:
        if len(entries) > _MAX_CALLS:
            self.publish("reset", {"why": f"{len(entries)} calls changed at once"})
            return
        if not entries:
            return
        now_ns = time.time_ns()
        calls = []
        for number, entry in enumerate(entries):
            calls.append(self._feed.index.to_json(entry.call, now_ns))
            if number % 20 == 19:
                await asyncio.sleep(0)
        counts = self._feed.index.counted()
        total = len(self._feed.index)
        self.publish("calls", {"calls": calls, "counts": counts, "total": total, "now": now_ns / 1e9})


def encode_event(event: str, data: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    # JSON contains no line break, which would end the data.
    return f"event: {event}\ndata: {encode(data)}\n\n".encode()
