"""The calls of a log, ready for lists: counts, faults, and what changed."""

from __future__ import annotations

import statistics
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from labkit_services.call_record.attribution import Surroundings
from labkit_services.call_record.call_json import call_to_json
from labkit_services.call_record.fault_spans import FaultSpan, fault_spans
from labkit_services.call_record.log import Call, CallLog, CallState
from labkit_services.call_record.spans import lost_at
from labkit_services.contract.events import Event, EventType

COUNTED = (
    "accepted",
    "queued",
    "in_flight",
    "done",
    "failed",
    "retrying",
    "redelivered",
    "dead",
    "cancelled",
    "callbacks",
)
"""Groups of calls that are counted; a call may be in several."""

_MAX_LAB_EVENTS = 1000
_RUNS = 50
_GROUPS = {
    CallState.QUEUED: "queued",
    CallState.DELIVERED: "in_flight",
    CallState.RUNNING: "in_flight",
    CallState.RETRYING: "retrying",
    CallState.DONE: "done",
    CallState.FAILED: "failed",
    CallState.DEAD: "dead",
    CallState.CANCELLED: "cancelled",
}
_GROUP_SETS: dict[frozenset[str], frozenset[str]] = {}
"""One object for each combination: there are few of them, and many calls."""
_LAB_TYPES = (
    EventType.FAULT_STARTED,
    EventType.FAULT_ENDED,
    EventType.SERVICE_STARTED,
    EventType.SERVICE_EXITED,
)
_WORKER = "queue-worker"
_HINDRANCES = {"pause": "paused", "stop": "stopped"}


def groups_of(call: Call) -> frozenset[str]:
    """Return the groups in which a call is counted."""
    group = _GROUPS.get(call.state, "")
    if group == "in_flight" and call.mode == "async" and call.attempts and lost_at(call, call.attempts[-1]):
        group = "retrying"  # no worker has it: the broker waits for the end of its lease
    groups = {group}
    if call.mode == "async" and (call.queued is not None or call.accepted == 202):
        groups.add("accepted")
    if call.redeliveries:
        groups.add("redelivered")
    if call.callbacks:
        groups.add("callbacks")
    if call.callback_dead is not None:
        groups.add("dead")
    found = frozenset(groups - {""})
    return _GROUP_SETS.setdefault(found, found)


@dataclass(slots=True, eq=False)
class IndexedCall:
    """A call in the index.

    Attributes:
        number: Its number in the index: the place of a list's cursor.
        start_ns: Time of its first event.
        waits: Queue and time since which it waits there, or None.
    """

    number: int
    call: Call
    start_ns: int
    groups: frozenset[str] = frozenset()
    waits: tuple[str, int] | None = None


class CallIndex:
    """Calls by id and function.

    ``apply`` only notes which calls have new events; ``refresh`` derives
    those again. So the cost depends on what changes, not on how much there is.

    Attributes:
        log: The events.
        max_inflight: Calls that a queue's workers run at once, where known.
    """

    def __init__(self, log: CallLog | None = None) -> None:
        self.log = CallLog() if log is None else log
        self.max_inflight: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._dirty: dict[str, None] = {}
        self._calls: dict[str, tuple[IndexedCall, ...]] = {}
        self._numbers = count()
        self._dropped = 0
        self._waiting: dict[str, list[int]] = defaultdict(list)
        self._runs: dict[str, deque[float]] = {}
        self._lab_events: deque[Event] = deque(maxlen=_MAX_LAB_EVENTS)
        self._faults: list[FaultSpan] = []
        self._worker = ""

    # -- changes

    def apply(self, events: Sequence[Event]) -> None:
        """Add events to the log."""
        for event in events:
            if self.log.apply(event):
                self._dirty[event.call_id] = None
            elif event.type in _LAB_TYPES and event not in self._lab_events:
                self._add_lab_event(event)
        if len(self._dirty) > self.log.limit + self.log.limit // 8:  # nobody lists the calls
            self._dirty = {call_id: None for call_id in self._dirty if call_id in self.log}

    def _add_lab_event(self, event: Event) -> None:
        self._lab_events.append(event)
        self._faults = fault_spans(self._lab_events)
        self._worker = _hindrance(self._faults, self._lab_events)
        if event.type == EventType.SERVICE_EXITED and event.data.get("service") == "gateway":
            # It ends the synchronous calls that were in that process.
            unsettled = (entry for entry in self if not entry.call.is_settled)
            self._dirty.update(dict.fromkeys(entry.call.id for entry in unsettled))

    @property
    def is_stale(self) -> bool:
        """Whether calls have events that ``refresh`` has not seen."""
        return bool(self._dirty)

    def refresh(self, most: int) -> list[IndexedCall]:
        """Derive at most ``most`` ids' calls again; return those."""
        changed = []
        for _ in range(min(most, len(self._dirty))):
            call_id = next(iter(self._dirty))
            del self._dirty[call_id]
            if call_id not in self.log:
                continue  # it was dropped
            known = self._calls.get(call_id, ())
            for call in self.log.of_id(call_id):
                entry = next((each for each in known if each.call.function == call.function), None)
                if entry is not None and entry.call is call:
                    continue
                had_succeeded = entry is not None and entry.call.state is CallState.DONE
                if entry is None:
                    entry = IndexedCall(next(self._numbers), call, 0)
                    known = self._calls[call_id] = (*known, entry)
                self._replace(entry, call)
                if call.state is CallState.DONE and not had_succeeded:
                    self._note_run(call)
                changed.append(entry)
        if self.log.dropped != self._dropped:
            self._dropped = self.log.dropped
            for call_id in [call_id for call_id in self._calls if call_id not in self.log]:
                for entry in self._calls.pop(call_id):
                    self._forget(entry)
        return changed

    def _replace(self, entry: IndexedCall, call: Call) -> None:
        self._forget(entry)
        entry.call, entry.start_ns = call, call.events[0].time_ns
        entry.groups = groups_of(call)
        self._counts.update(entry.groups)
        if call.state is CallState.QUEUED:
            since = call.requeued if call.requeued is not None else call.queued
            entry.waits = call.queue, since if since is not None else entry.start_ns
            insort(self._waiting[call.queue], entry.waits[1])

    def _note_run(self, call: Call) -> None:
        """Remember how long the function ran, for what is usual."""
        ran = call.attempts[-1].ran if call.attempts else None
        if ran is not None:
            self._runs.setdefault(call.function, deque(maxlen=_RUNS)).append(ran)

    def _forget(self, entry: IndexedCall) -> None:
        self._counts.subtract(entry.groups)
        if entry.waits is not None:
            queue, since = entry.waits
            waiting = self._waiting[queue]
            del waiting[bisect_left(waiting, since)]
            entry.waits = None

    def clear(self) -> None:
        """Drop everything: the lab was reset."""
        self.log.clear()
        self._dropped = 0
        self._faults, self._worker = [], ""
        for each in (self._dirty, self._calls, self._waiting, self._runs, self._counts, self._lab_events):
            each.clear()

    # -- views

    def __iter__(self) -> Iterator[IndexedCall]:
        return (entry for entries in self._calls.values() for entry in entries)

    def __len__(self) -> int:
        return sum(map(len, self._calls.values()))

    def counted(self) -> dict[str, int]:
        """Return the number of calls in each group."""
        return {name: self._counts[name] for name in COUNTED}

    def faults(self) -> list[dict[str, Any]]:
        """Return the injected faults, oldest first."""
        return [_fault_to_json(fault) for fault in self._faults]

    def surroundings(self, call: Call, now_ns: int) -> Surroundings:
        """Return what is known about the call's queue and function."""
        runs = self._runs.get(call.function, ())
        if call.state is CallState.QUEUED:
            since = call.requeued if call.requeued is not None else call.queued
            ahead = bisect_left(self._waiting.get(call.queue, []), since or 0)
            limit = self.max_inflight.get(call.queue)
            return Surroundings(now_ns, ahead=ahead, max_inflight=limit, worker=self._worker)
        usual = statistics.median(runs) if runs and not call.state.is_final else None
        worker = "" if call.state.is_final else self._worker
        return Surroundings(now_ns, usual=usual, worker=worker)

    def to_json(self, call: Call, now_ns: int) -> dict[str, Any]:
        """Return all that is known of a call."""
        functions = [shared.function for shared in self.log.sharing(call.id)]
        return call_to_json(call, functions, self.surroundings(call, now_ns))


def _hindrance(faults: Sequence[FaultSpan], events: Iterable[Event]) -> str:
    """Return what keeps all queue-workers from their work, or ""."""
    hindered = {fault.service: _HINDRANCES[fault.kind] for fault in faults if _is_hindrance(fault)}
    workers = {_WORKER}
    for event in events:
        service = str(event.data.get("service", ""))
        if event.type == EventType.SERVICE_STARTED and service.startswith(_WORKER):
            workers.add(service)
        elif event.type == EventType.SERVICE_EXITED:
            workers.discard(service)
    return next(iter(hindered.values()), "") if workers <= hindered.keys() else ""


def _is_hindrance(fault: FaultSpan) -> bool:
    return fault.ended is None and fault.kind in _HINDRANCES and fault.service.startswith(_WORKER)


def _fault_to_json(fault: FaultSpan) -> dict[str, Any]:
    how = "".join(f", {name} {value}" for name, value in fault.how.items())
    return {
        "where": fault.service,
        "what": fault.kind,
        "start": fault.began / 1e9,
        "end": None if fault.ended is None else fault.ended / 1e9,
        "label": f"{fault.service} {fault.kind}{how}",
    }
