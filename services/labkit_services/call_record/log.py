"""The call log: the calls of a lab, updated event by event.

All views of calls (plots, checks, pages, the status of one call) read this
log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit_services.call_record.call import Call, CallState, Mode
from labkit_services.call_record.reducer import insert_event, read_call
from labkit_services.contract.events import Event

__all__ = ["Call", "CallLog", "CallState", "Mode"]

MAX_EVENTS_PER_CALL = 1_000
"""Enough for a hundred attempts; it bounds a client that uses one call id
again and again."""


@dataclass(slots=True)
class _Entry:
    """The events of a call, and the call as last derived from them."""

    events: list[Event] = field(default_factory=list)
    call: Call | None = None

    def read(self, call_id: str) -> Call:
        """Return the call, derived again only if there are new events."""
        call = self.call
        if call is None or len(call.events) != len(self.events):
            self.call = call = read_call(call_id, tuple(self.events))
        return call


class CallLog:
    """The latest calls.

    Adding an event takes about a microsecond, for any number of calls.
    Deriving a call from its events costs more and is done on request. One
    thread may add events while others read.

    Attributes:
        limit: Most calls to keep.
        dropped: Number of calls dropped, oldest first, because of the limit.
        ignored: Number of events ignored: of dropped calls, or beyond a call's
            limit.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.dropped = 0
        self.ignored = 0
        self._entries: dict[str, _Entry] = {}
        # Late events must not recreate a part of a dropped call: as many ids
        # of dropped calls are stored as calls.
        self._dropped_ids: dict[str, None] = {}

    def apply(self, event: Event) -> bool:
        """Add an event; return whether it is a new one of a call.

        The lab's own events belong to no call.
        """
        call_id = event.call_id
        entry = self._entries.get(call_id)
        if entry is None:
            if not call_id:
                return False
            if call_id in self._dropped_ids:
                self.ignored += 1
                return False
            entry = self._entries[call_id] = _Entry()
            self._keep_within_limit()
        if len(entry.events) >= MAX_EVENTS_PER_CALL:
            self.ignored += 1
            return False
        return insert_event(entry.events, event)

    def _keep_within_limit(self) -> None:
        while len(self._entries) > self.limit:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self.dropped += 1
            self._dropped_ids[oldest] = None
            if len(self._dropped_ids) > self.limit:
                del self._dropped_ids[next(iter(self._dropped_ids))]

    def clear(self) -> None:
        """Drop all calls and counts, as at a reset of the lab."""
        self._entries.clear()
        self._dropped_ids.clear()
        self.dropped = self.ignored = 0

    def get(self, call_id: str) -> Call | None:
        """Return a call, None if it is unknown or was dropped."""
        entry = self._entries.get(call_id)
        return entry.read(call_id) if entry else None

    @property
    def calls(self) -> dict[str, Call]:
        """All calls by id, in the order of their first events: a copy."""
        return {call_id: entry.read(call_id) for call_id, entry in list(self._entries.items())}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._entries
