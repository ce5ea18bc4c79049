"""The calls of a lab: what the events of all services add up to.

Views of calls (plots, checks, pages, the status of one call) read this log and
keep no account of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit_services.call_record.call import Call, CallState, Mode
from labkit_services.call_record.call_parts import Attempt, Callback, Capture, Process
from labkit_services.call_record.reducer import insert_event, read_call, reduce_call
from labkit_services.contract.events import Event

__all__ = ["Attempt", "Call", "CallLog", "CallState", "Callback", "Capture", "Mode", "Process", "reduce_call"]

MAX_EVENTS_PER_CALL = 1_000
"""A hundred attempts fit. The bound is for clients that send one call id again and again."""


@dataclass(slots=True)
class _Record:
    """A call's events, and the call as it was last read off them."""

    events: list[Event] = field(default_factory=list)
    call: Call | None = None

    def read(self, call_id: str) -> Call:
        """Return the call, read anew only if events have come since."""
        call = self.call
        if call is None or len(call.events) != len(self.events):
            self.call = call = read_call(call_id, tuple(self.events))
        return call


class CallLog:
    """The last calls, kept up to date event by event.

    Filing an event takes about a microsecond, whatever the number of calls;
    reading a call off its events is dearer, and done when somebody asks for it.
    One thread may apply events while others read.

    Attributes:
        limit: How many calls are kept.
        dropped: How many calls had to go, oldest first, to keep within the limit.
        ignored: How many events came for calls that had gone, or beyond a call's bound.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.dropped = 0
        self.ignored = 0
        self._records: dict[str, _Record] = {}
        # Late events must not bring a dropped call back as half a call. The
        # ids of the dropped are kept for as long again as the calls were.
        self._gone: dict[str, None] = {}

    def apply(self, event: Event) -> bool:
        """File one event; return whether it told anything new.

        The lab's own events, which belong to no call, tell nothing here.
        """
        call_id = event.call_id
        record = self._records.get(call_id)
        if record is None:
            if not call_id:
                return False
            if call_id in self._gone:
                self.ignored += 1
                return False
            record = self._records[call_id] = _Record()
            self._keep_within_limit()
        if len(record.events) >= MAX_EVENTS_PER_CALL:
            self.ignored += 1
            return False
        return insert_event(record.events, event)

    def _keep_within_limit(self) -> None:
        while len(self._records) > self.limit:
            oldest = next(iter(self._records))
            del self._records[oldest]
            self.dropped += 1
            self._gone[oldest] = None
            if len(self._gone) > self.limit:
                del self._gone[next(iter(self._gone))]

    def clear(self) -> None:
        """Forget all calls and counts, as at a reset of the lab."""
        self._records.clear()
        self._gone.clear()
        self.dropped = self.ignored = 0

    def get(self, call_id: str) -> Call | None:
        """Return one call, None if it is unknown or has been dropped."""
        record = self._records.get(call_id)
        return record.read(call_id) if record else None

    @property
    def calls(self) -> dict[str, Call]:
        """All calls by id, in the order in which they were first heard of: a copy."""
        return {call_id: record.read(call_id) for call_id, record in list(self._records.items())}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, call_id: object) -> bool:
        return call_id in self._records
