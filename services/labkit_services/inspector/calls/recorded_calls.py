"""The calls of a recorded run, as they were at any time of it."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

from labkit_services.call_record.call_index import CallIndex
from labkit_services.call_record.log import CallLog
from labkit_services.call_record.record_file import RunRecord

_MAX_CALLS = 100_000
_STEP = 2000
_PRECISION_NS = 1000
_REFRESH = 20


class RecordedCalls:
    """Plays a record forwards by adding events, backwards from its start.

    Attributes:
        record: What the file holds; its events in time order.
    """

    def __init__(self, record: RunRecord) -> None:
        record.events.sort(key=attrgetter("time_ns"))
        self.record = record
        self._times = [event.time_ns for event in record.events]
        self._index = CallIndex(CallLog(_MAX_CALLS))
        self._position = 0
        self._lock = asyncio.Lock()

    @property
    def start_ns(self) -> int:
        """Time of the first event, Unix nanoseconds."""
        return self._times[0] if self._times else 0

    @property
    def end_ns(self) -> int:
        """Time of the last event."""
        return self._times[-1] if self._times else 0

    @asynccontextmanager
    async def at(self, time_ns: int | None) -> AsyncIterator[tuple[CallIndex, int]]:
        """Yield the calls as they were, and that time; by default the end."""
        now = self.end_ns if time_ns is None else time_ns
        async with self._lock:
            # A time in seconds, as a number of JSON, is a little imprecise.
            wanted = bisect_right(self._times, now + _PRECISION_NS)
            if wanted < self._position:
                self._index, self._position = CallIndex(CallLog(_MAX_CALLS)), 0
            while self._position < wanted:
                end = min(self._position + _STEP, wanted)
                self._index.apply(self.record.events[self._position : end])
                self._position = end
                await asyncio.sleep(0)
            while self._index.is_stale:
                self._index.refresh(_REFRESH)
                await asyncio.sleep(0)
            yield self._index, now

    def describe(self) -> dict[str, Any]:
        """Return what the page needs to play the record."""
        record = self.record
        return {
            "start": self.start_ns / 1e9,
            "end": self.end_ns / 1e9,
            "events": len(record.events),
            "calls": len({event.call_id for event in record.events} - {""}),
            "requests": len(record.requests),
            "skipped": record.skipped,
            "truncated": record.truncated,
            "labkit": record.head.get("labkit"),
            "recorded_at": record.head.get("started"),
        }

    def steps(self, limit: int) -> list[float]:
        """Return the times at which something happened, thinned to a limit."""
        every = max(1, -(-len(self._times) // limit))
        return [time / 1e9 for time in self._times[::every]]

    def queues(self, index: CallIndex) -> list[dict[str, Any]]:
        """Return the state of each queue, as far as calls show it."""
        found: dict[str, dict[str, Any]] = defaultdict(
            lambda: dict.fromkeys(
                ("depth", "in_flight", "redelivered", "waiting_for_retry", "dead_letters"), 0
            )
        )
        names = {"queued": "depth", "in_flight": "in_flight", "retrying": "waiting_for_retry"}
        names |= {"redelivered": "redelivered", "dead": "dead_letters"}
        for entry in index:
            if entry.call.queue:
                queue = found[entry.call.queue]
                for group, name in names.items():
                    queue[name] += group in entry.groups
        return [
            {"name": name, **queue, "max_inflight": None, "workers": []}
            for name, queue in sorted(found.items())
        ]
