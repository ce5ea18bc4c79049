"""Notebook 07: when things fail."""

from __future__ import annotations

from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, passed, until, wrong
from labkit.views.measurement import Measurement
from labkit_services.call_record.call import Call, CallState

_LIMIT_SECONDS = 3.0
_SETTLE_SECONDS = 3.0
_CALLS = 10
_WAITING = {9.0: "", 15.0: "no-limit", 12.0: "five-waits", 4.0: "no-doubling", 5.0: "no-doubling"}


def attempts(work: Work) -> CheckFinding:
    """07.1: as many attempts as failures and one more, with short waits."""
    handle: Any = work.value("survivor", cell="ex-attempts")
    work.need(not isinstance(handle, FunctionResponse), "sync")
    call = _settled(work, "shaky", getattr(handle, "id", ""))
    if call is None:
        return wrong("other-function")
    failures = sum(attempt.has_failed for attempt in call.attempts)
    if call.state is CallState.DEAD:
        return wrong("dead", n=len(call.attempts))
    delays = [attempt.retry_delay for attempt in call.attempts if attempt.retry_delay is not None]
    # What was asked for, not what a busy machine made of it.
    work.need(call.state is CallState.DONE and sum(delays) <= _LIMIT_SECONDS, "slow")
    work.need(failures >= 3, "easier", n=failures)
    return passed(n=len(call.attempts), seconds=call.end_to_end or 0.0)


def waits(work: Work) -> CheckFinding:
    """07.2: the waits between five attempts, with a longest one."""
    seconds = work.number("waiting_seconds", cell="ex-waits")
    key = _WAITING.get(round(seconds, 3), "other")
    return wrong(key, seconds=f"{seconds:g}") if key else passed(seconds=f"{seconds:g}")


def redrive(work: Work) -> CheckFinding:
    """07.3: a dead letter that is done after a redrive."""
    count: Any = work.value("redriven", cell="ex-redrive")
    handle: Any = work.value("bad", cell="orders")
    work.need(isinstance(count, int), "new-call", type=type(count).__name__)
    call = _settled(work, "price", handle.id)
    if call is not None and call.state is CallState.DONE:
        return passed(n=len(call.attempts))
    letters = work.lab.queue().dead_letters(limit=1000)
    if not any(letter.call_id == handle.id for letter in letters):
        return wrong("purged")
    return wrong("again", n=len(call.attempts) if call is not None else 0)


def _settled(work: Work, function: str, id_: str) -> Call | None:
    """Return a call, once it is over or a while has passed."""
    return until(
        lambda: next((call for call in work.calls(function, mode="async") if call.id == id_), None),
        lambda call: call is None or call.is_settled,
        _SETTLE_SECONDS,
    )


def gentle(work: Work) -> CheckFinding:
    """07.4: no more slots than the function lets in."""
    run = work.value("gentle", Measurement, cell="ex-storm")
    work.need(run.function == "narrow" and len(run.calls) == _CALLS, "count", title=run.title)
    lost = len(run.calls) - run.states[CallState.DONE]
    work.need(not lost, "lost", n=lost)
    refused = _asked(run) - len(run.calls)
    work.need(not refused, "refused", n=refused)
    return passed(seconds=run.drained_after or 0.0)


def _asked(run: Measurement) -> int:
    return sum(len(call.attempts) for call in run.calls)


def _seconds(work: Work, name: str) -> float | None:
    call = work.found(name, Call)
    return call.end_to_end if call else None


def _storm(work: Work) -> float | None:
    run = work.found("storm", Measurement)
    return _asked(run) if run else None


EXERCISES = (
    Exercise("07.1", attempts),
    Exercise("07.2", waits),
    Exercise("07.3", redrive, cells=("orders",)),
    Exercise("07.4", gentle, cells=("storm",)),
)
QUESTIONS = (Question("07.q1", right="d"),)
ARRANGEMENTS = (
    Arrangement("07.o1", right="dbeafc", mistakes=(("fc", "redrive-first"), ("ba", "dead-first"))),
)
PREDICTIONS = (
    Prediction(
        "07.retry",
        "s",
        begun=lambda work: bool(work.calls("flaky", mode="async")),
        observed=lambda work: _seconds(work, "retried"),
    ),
    Prediction(
        "07.killed",
        "s",
        begun=lambda work: bool(work.calls("slow")),
        observed=lambda work: _seconds(work, "killed"),
    ),
    Prediction("07.storm", "times", begun=lambda work: bool(work.calls("narrow")), observed=_storm),
)
