"""Notebook 02: the queue-worker, its pace, and what a killed one leaves."""

from __future__ import annotations

from functools import partial

from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, near, passed, wrong
from labkit.views.measurement import Measurement
from labkit_services.call_record.call import Call, CallState
from labkit_services.contract.names import DEFAULT_QUEUE

_AT_ONCE = 3
"""The smallest max_inflight for six calls in two rounds."""
_near = partial(near, off=0.3)
_MARGIN_NS = 100_000_000
"""Calls that overlap less than that follow each other."""


def six_calls(work: Work) -> CheckFinding:
    """02.1: six calls in two rounds, with no more in flight than needed."""
    run = work.value("six", Measurement, cell="ex-six")
    work.queue(DEFAULT_QUEUE)  # an OpenFaaS elsewhere has a pace of its own
    work.need(run.mode == "async", "sync")
    work.need(len(run.calls) == 6, "count", n=len(run.calls))
    if run.drained_after is None:
        return wrong("not-over")
    at_once = most_at_once(run.calls)
    if at_once == _AT_ONCE:
        return passed(seconds=run.drained_after)
    key = {1: "one", 2: "two", 6: "all"}.get(at_once, "more")
    return wrong(key, seconds=run.drained_after, at_once=at_once)


def most_at_once(calls: tuple[Call, ...]) -> int:
    """Return how many calls ran at the same time, at most."""
    begun = [call.started or 0 for call in calls]
    spans = [(begin, (call.finished or 0) - _MARGIN_NS) for call, begin in zip(calls, begun, strict=True)]
    return max(sum(begin <= moment < end for begin, end in spans) for moment in begun)


def interrupted_call(work: Work) -> CheckFinding:
    """02.2: which call the dead worker had, and how long it lay."""
    run = work.value("killed", Measurement, cell="kill")
    call = work.value("interrupted", Call, cell="ex-gap")
    gap = work.number("gap", cell="ex-gap")
    work.faults()  # an OpenFaaS elsewhere can't be broken from here
    work.need(any(len(each.attempts) > 1 for each in run.calls), "cell-not-run", cell="kill")
    work.need(len(call.attempts) > 1, "other-call")
    first, second = (attempt.started or 0 for attempt in call.attempts[:2])
    right = (second - first) / 1e9
    if _near(gap, right):
        return passed(seconds=right)
    if _near(gap, call.ran):
        return wrong("work", seconds=gap)
    if _near(gap, call.end_to_end):
        return wrong("whole", seconds=gap)
    if _near(gap / 1e9, right):
        return wrong("nanoseconds", n=round(gap))
    return wrong("other", seconds=gap)


def three_at_once(work: Work) -> CheckFinding:
    """02.3: whatever was in flight at the kill runs again."""
    run = work.value("three", Measurement, cell="ex-three")
    number = work.number("began_twice", cell="ex-three")
    kills = work.faults("kill")
    work.need(run.mode == "async" and len(run.calls) == 3, "count", n=len(run.calls))
    died = next((each.began for each in kills if run.started_ns < each.began < run.finished_ns), None)
    if died is None:
        return wrong("no-kill")
    hit = [call for call in run.calls if call.started is not None and call.started < died]
    work.need(len(hit) == 3, "one-at-a-time", n=len(hit))
    twice = sum(len(call.attempts) > 1 for call in run.calls)
    if number == twice:
        return passed(n=twice)
    return wrong("only-one" if number == 1 else "other", n=int(number))


def _run(work: Work, name: str) -> Measurement | None:
    """Return a run of the notebook, if it was made since the reset."""
    run = work.found(name, Measurement)
    known = {call.id for call in work.calls()}
    return run if run and any(call.id in known for call in run.calls) else None


def _drained(name: str, in_flight: int) -> Prediction:
    """Return the prediction of when the last call of a run is done."""

    def observed(work: Work) -> float | None:
        run = _run(work, name)
        return None if run is None else run.drained_after

    return Prediction(
        f"02.{name}",
        "s",
        begun=lambda work: _run(work, name) is not None,
        observed=observed,
        run=("long-task", "async", 10, in_flight),
    )


def _of_the_killed(work: Work, *, twice: bool) -> int | None:
    run = _run(work, "killed")
    if run is None:
        return None
    return sum(len(call.attempts) > 1 if twice else call.state is CallState.DONE for call in run.calls)


EXERCISES = (
    Exercise("02.1", six_calls),
    Exercise("02.2", interrupted_call, cells=("kill",)),
    Exercise("02.3", three_at_once, cells=("charge",)),
)
QUESTIONS = (Question("02.q1", right="d"), Question("02.q2", right="a"))
ARRANGEMENTS = (
    Arrangement("02.o1", right="ebdac", mistakes=(("da", "ack-first"), ("ac", "removed-when-taken"))),
)
PREDICTIONS = (
    _drained("ten", 10),
    _drained("four", 4),
    Prediction(
        "02.done",
        "calls",
        begun=lambda work: bool(work.calls("charge")),
        observed=lambda work: _of_the_killed(work, twice=False),
    ),
    Prediction(
        "02.twice",
        "calls",
        begun=lambda work: bool(work.calls("charge")),
        observed=lambda work: _of_the_killed(work, twice=True),
    ),
)
