"""The call log: the calls of a lab, updated event by event.

All views of calls (plots, checks, pages, the status of one call) read this
log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from labkit_services.call_record.call import Call, CallState, Mode
from labkit_services.call_record.packed_events import PackedEvents, pack
from labkit_services.call_record.reducer import insert_event, read_call
from labkit_services.contract.events import Event, EventType
from labkit_services.contract.names import short_function_name

__all__ = ["Call", "CallLog", "CallState", "Mode"]

_MAX_LOOSE_EVENTS = 2_000
"""Events of calls that wait for more of them, not packed: a megabyte."""
_CALL_BYTES, _EVENT_BYTES = 1_000, 60
"""Memory of a call, and of what is derived from each of its events, beside the
packed events."""
_MEAN_BYTES = 3_000
"""Memory that a call may take on average; a usual one takes 2,100 bytes."""
MAX_EVENTS_PER_CALL = 1_000
"""Enough for a hundred attempts; it bounds a client that uses one call id
again and again."""
_MIN_DROPPED_IDS = 100
_MAX_FUNCTIONS_PER_ID = 100
_GATEWAY = "gateway"


@dataclass(slots=True)
class _Entry:
    """The events of a call, and the call as last derived from them.

    A list of events may grow, packed ones don't. Only the thread that adds
    events changes from one to the other.
    """

    function: str
    events: Sequence[Event] = field(default_factory=list)
    call: Call | None = None
    size: int = 0
    is_dropped: bool = False

    def read(self, call_id: str) -> Call:
        """Return the call, derived again only if there are new events."""
        call, events = self.call, self.events
        if call is None or len(call.events) != len(events):
            self.call = call = read_call(
                call_id, events if isinstance(events, PackedEvents) else tuple(events)
            )
        return call

    def pack(self) -> int:
        """Take less memory until the next event comes; return how much more.

        More bytes, all told, than when it was packed before.
        """
        call, events, before = self.call, self.events, self.size
        self.events = pack(events) if call is None or len(call.events) != len(events) else call.events
        packed = self.events.size if isinstance(self.events, PackedEvents) else 0
        self.size = _CALL_BYTES + _EVENT_BYTES * len(events) + packed
        return self.size - before


class CallLog:
    """The latest calls.

    Calls of several functions may have the same id: a callback carries its
    call's, and a client may use one for many. So a call is identified by id
    and function. Two calls of one function with one id are shown as one.

    Adding an event takes about a microsecond, for any number of calls.
    Deriving a call from its events costs more and is done on request. One
    thread may add events while others read.

    Attributes:
        limit: Most call ids to keep; fewer if their calls take more than
            3,000 bytes of memory on average.
        size: Estimate of the memory that the calls take, in bytes, within a
            fifth: events, calls derived from them, their places in an index.
        dropped: Number of ids dropped, oldest first, because of the limit.
        ignored: Number of events ignored: of dropped ids, or beyond a call's
            limit.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.size = 0
        self.dropped = 0
        self.ignored = 0
        self._entries: dict[str, tuple[_Entry, ...]] = {}
        # Late events must not recreate a part of a dropped call: the ids of
        # those that were dropped last are stored, a quarter of the limit.
        self._dropped_ids: dict[str, None] = {}
        self._loose: deque[_Entry] = deque()
        self._loose_events = 0
        self._gateway_exited = 0

    def apply(self, event: Event) -> bool:
        """Add an event; return whether it is a new one of a call.

        The lab's own events belong to no call.
        """
        call_id = event.call_id
        entries = self._entries.get(call_id)
        if entries is None:
            if not call_id:
                self._note_gateway(event)
                return False
            if call_id in self._dropped_ids:
                self.ignored += 1
                return False
            entries = self._entries[call_id] = ()
            self._keep_within_limit()
        function = short_function_name(event.function)
        entry = entries[0] if entries else None
        if entry is None or entry.function != function:
            entry = self._entry_of(call_id, function)
        if entry is None or len(entry.events) >= MAX_EVENTS_PER_CALL:
            self.ignored += 1
            return False
        events = entry.events
        if not isinstance(events, list):
            events = entry.events = [*events]
            self._note_loose(entry)
        elif not events:
            self._note_loose(entry)
        is_new = insert_event(events, event)
        self._loose_events += is_new
        return is_new

    def _entry_of(self, call_id: str, function: str) -> _Entry | None:
        """Return a function's entry, a new one if needed; None if too many."""
        entries = self._entries[call_id]
        for entry in entries:
            if entry.function == function:
                return entry
        if len(entries) >= _MAX_FUNCTIONS_PER_ID:
            return None
        entry = _Entry(function)
        self._entries[call_id] = (*entries, entry)
        return entry

    def _note_loose(self, entry: _Entry) -> None:
        self._loose.append(entry)
        self._loose_events += len(entry.events)
        while self._loose_events > _MAX_LOOSE_EVENTS and len(self._loose) > 1:
            oldest = self._loose.popleft()
            self._loose_events -= len(oldest.events)
            if not oldest.is_dropped:
                self.size += oldest.pack()

    def _note_gateway(self, event: Event) -> None:
        if event.type == EventType.SERVICE_EXITED and event.data.get("service") == _GATEWAY:
            self._gateway_exited = max(self._gateway_exited, event.time_ns)

    def _keep_within_limit(self) -> None:
        most = self.limit * _MEAN_BYTES
        while len(self._entries) > self.limit or (self.size > most and len(self._entries) > 1):
            oldest = next(iter(self._entries))
            for entry in self._entries.pop(oldest):
                self.size -= entry.size
                entry.is_dropped = True
            self.dropped += 1
            self._dropped_ids[oldest] = None
            if len(self._dropped_ids) > max(self.limit // 4, _MIN_DROPPED_IDS):
                del self._dropped_ids[next(iter(self._dropped_ids))]

    def clear(self) -> None:
        """Drop all calls and counts, as at a reset of the lab."""
        self._entries.clear()
        self._dropped_ids.clear()
        self._loose.clear()
        self._loose_events = self.size = 0
        self._gateway_exited = 0
        self.dropped = self.ignored = 0

    def get(self, call_id: str, function: str = "") -> Call | None:
        """Return a function's call, None if it is unknown or was dropped.

        Without a function it is the first of those that share the id.
        """
        if not function:
            return next(iter(self.sharing(call_id)), None)
        entries, name = self._entries.get(call_id, ()), short_function_name(function)
        return next((self._read_entry(call_id, entry) for entry in entries if entry.function == name), None)

    def sharing(self, call_id: str) -> list[Call]:
        """Return the calls that an id alone can mean, in the order of time.

        Asynchronous ones if there are any: others are a function that was
        invoked as the target of a callback, or that passed on its own id.
        """
        calls = self.of_id(call_id)
        return [call for call in calls if call.mode == "async"] or calls

    @property
    def calls(self) -> list[Call]:
        """All calls, in the order of their ids' first events: a copy."""
        return [call for call_id in list(self._entries) for call in self.of_id(call_id)]

    def of_id(self, call_id: str) -> list[Call]:
        """Return all calls of an id, in the order of time."""
        entries = self._entries.get(call_id, ())
        calls = [self._read_entry(call_id, entry) for entry in entries if entry.events]
        if len(calls) > 1:
            calls.sort(key=lambda call: (call.events[0].time_ns, call.function))
        return calls

    def _read_entry(self, call_id: str, entry: _Entry) -> Call:
        call = entry.read(call_id)
        return call.without_gateway(self._gateway_exited) if self._gateway_exited else call

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._entries
