"""Notebook 08: exactly once is a story."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, passed, until, wrong
from labkit.views.measurement import Measurement
from labkit_services.call_record.call import Call
from labkit_services.contract.events import Event, EventType

_ORDERS = 3
_MEASURED_BEFORE = 3
"""Calls of ``charge`` before the run that is predicted."""
_RECORD_SECONDS = 2.0
_LAG_NS = 500_000_000
"""An event is in the record by then, after it has happened."""


def charged_twice(work: Work) -> CheckFinding:
    """08.1: find the call that ran twice."""
    run = work.value("killed", Measurement, cell="kill")
    named: str | Call = work.value("charged_twice", (str, Call), cell="ex-twice")
    id_ = named.id if isinstance(named, Call) else named
    call = next((call for call in run.calls if call.id == id_), None)
    if call is None:
        others = {call.id for call in work.calls("charge")}
        return wrong("quiet" if id_ in others else "other", id=id_[:20])
    if len(call.attempts) < 2:
        return wrong("once", id=id_[:8])
    return passed(id=id_[:8])


def healed(work: Work) -> CheckFinding:
    """08.2: one charge for each call, although one ran twice."""
    run = work.value("healed", Measurement, cell="ex-heal-run")
    keys = [str(key) for (key,) in work.value("billed", list, cell="ex-heal-run")]
    work.need(any(len(call.attempts) > 1 for call in run.calls), "not-repeated")
    ids = [call.id for call in run.calls]
    if len(keys) < _ORDERS:
        return wrong("body", n=len(keys), missing=20 * (_ORDERS - len(keys)))
    if len(keys) > _ORDERS:
        has_ids = all(any(id_ in key for id_ in ids) for key in keys)
        return wrong("attempt" if has_ids else "random", n=len(keys))
    return passed(euro=20 * len(keys))


def sent_again(work: Work) -> CheckFinding:
    """08.3: one order, sent twice, with a key of the client's."""
    first: Any = work.value("first", cell="ex-again")
    second: Any = work.value("second", cell="ex-again")
    work.need(hasattr(first, "accepted") and hasattr(second, "accepted"), "no-calls")
    work.need(first is not second, "sent-once")
    work.need(first.id == second.id, "two-ids", one=first.id[:8], other=second.id[:8])
    events = _events_of_both(work, first.id)
    work.need(events, "no-calls")
    stored = sum(event.type == EventType.CALL_QUEUED for event in events)
    work.need(stored <= 1, "two-orders", id=first.id[:20])
    return passed(id=first.id[:20])


def _events_of_both(work: Work, id_: str) -> tuple[Event, ...]:
    """Return the events of an id, once both requests are in the record.

    Whether the queue stored the second one is known a moment later.
    """

    def look() -> tuple[Event, ...]:
        return next((tuple(call.events) for call in work.calls("bill") if call.id == id_), ())

    def is_complete(events: tuple[Event, ...]) -> bool:
        received = [event for event in events if event.type == EventType.CALL_RECEIVED]
        accepted = [event.time_ns for event in received if event.data.get("mode") == "async"]
        return len(accepted) > 1 and time.time_ns() - max(accepted) > _LAG_NS

    return until(look, is_complete, _RECORD_SECONDS)


def distinct_orders(work: Work) -> CheckFinding:
    """08.4: tell repeated callbacks by the call's id."""
    kinds: tuple[type[Collection[object]], ...] = (list, tuple, set, frozenset, dict)
    found: Collection[object] = work.value("orders", kinds, cell="ex-receipts")
    ids = [str(each) for each in found]
    expected = {call.id for call in work.value("sent", list, cell="callbacks")}
    work.need(set(ids) <= expected, "no-ids", seen=next((id_ for id_ in ids if id_ not in expected), "")[:20])
    work.need(len(ids) == len(set(ids)), "repeated", n=len(ids))
    work.need(set(ids) == expected, "missing", n=len(ids))
    return passed(n=len(ids))


def _charges(work: Work) -> float | None:
    run = work.found("killed", Measurement)
    return sum(len(call.attempts) for call in run.calls) if run else None


def _jammed(work: Work) -> float | None:
    calls = work.calls("charge-jam", state="dead")
    return len(calls[0].attempts) if calls else None


EXERCISES = (
    Exercise("08.1", charged_twice, cells=("kill",)),
    Exercise("08.2", healed, cells=("ex-heal-run",), untouched="random"),
    Exercise("08.3", sent_again),
    Exercise("08.4", distinct_orders, cells=("callbacks",)),
)
QUESTIONS = (Question("08.q1", right="a"),)
ARRANGEMENTS = (
    Arrangement(
        "08.o1", right="dbfaec", mistakes=(("bf", "key-late"), ("fa", "lease-first"), ("ec", "ack-first"))
    ),
)
PREDICTIONS = (
    Prediction(
        "08.killed",
        "times",
        begun=lambda work: len(work.calls("charge")) > _MEASURED_BEFORE,
        observed=_charges,
    ),
    Prediction(
        "08.jam",
        "times",
        begun=lambda work: bool(work.calls("charge-jam")),
        observed=_jammed,
    ),
)
