"""Notebook 01: synchronous or asynchronous, who waits?"""

from __future__ import annotations

from functools import partial
from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.teaching.exercise import Arrangement, Exercise, Prediction, Question
from labkit.teaching.work import NS_OF_A_MOMENT, CheckFinding, Work, near, passed, wrong
from labkit.views.measurement import Measurement

_FUNCTION = "long-task"
_TRIALS = 3
"""Synchronous calls before the ten that are predicted, at most."""
_near = partial(near, ratio=0.1, off=0.002)


def fifth_in_queue(work: Work) -> CheckFinding:
    """01.1: read from the measured run how long the fifth call waited."""
    run = work.value("async_", Measurement, cell="measure-async")
    seconds = work.number("fifth_in_queue", cell="ex-queue")
    fifth = run.calls[4]
    right = fifth.waited_in_queue or 0.0
    if _near(seconds, right):
        return passed(seconds=seconds)
    if _near(seconds, fifth.client_waited):
        return wrong("caller", seconds=seconds)
    if _near(seconds, fifth.ran):
        return wrong("work", seconds=seconds)
    if _near(seconds, run.calls[5].waited_in_queue if len(run.calls) > 5 else None):
        return wrong("sixth", seconds=seconds)
    if seconds >= NS_OF_A_MOMENT:
        return wrong("moment")
    return wrong("other", seconds=seconds)


def receipt(work: Work) -> CheckFinding:
    """01.2: one asynchronous call, whose handle is kept."""
    handle: Any = work.value("my_call", cell="ex-receipt")
    if isinstance(handle, FunctionResponse):
        return wrong("sync", seconds=handle.seconds)
    work.need(hasattr(handle, "accepted"), "no-handle", type=type(handle).__name__)
    call = next((call for call in work.calls(mode="async") if call.id == handle.id), None)
    if call is None:
        return wrong("unknown")
    if call.function != _FUNCTION:
        return wrong("other-function", function=call.function)
    return passed(id=call.id[:8])


def two_calls(work: Work) -> CheckFinding:
    """01.3: two asynchronous calls are as much work as two others."""
    run = work.value("pair", Measurement, cell="ex-work")
    seconds = work.number("work_seconds", cell="ex-work")
    work.need(run.mode == "async", "sync")
    work.need(run.function == _FUNCTION, "other-function", function=run.function)
    work.need(len(run.calls) == 2, "count", n=len(run.calls))
    worked = sum(call.ran or 0.0 for call in run.calls)
    if abs(seconds - worked) <= 0.2 * worked:
        return passed(seconds=worked)
    if run.accepted_after is not None and seconds < 0.5:
        return wrong("caller", seconds=seconds)
    if _near(seconds, run.per_call):
        return wrong("one", seconds=seconds)
    return wrong("other", seconds=seconds)


def _caller_waited(work: Work, name: str) -> float | None:
    run = work.found(name, Measurement)
    return run.accepted_after if run else None


EXERCISES = (
    Exercise("01.1", fifth_in_queue, cells=("measure-async",)),
    Exercise("01.2", receipt),
    Exercise("01.3", two_calls),
)
QUESTIONS = (Question("01.q1", right="c"), Question("01.q2", right="b"))
ARRANGEMENTS = (
    Arrangement("01.o1", right="ebdca", mistakes=(("da", "answer-last"), ("bd", "answer-first"))),
)
PREDICTIONS = (
    Prediction(
        "01.sync",
        "s",
        begun=lambda work: len(work.calls(_FUNCTION, mode="sync")) > _TRIALS,
        observed=lambda work: _caller_waited(work, "sync"),
        run=(_FUNCTION, "sync"),
    ),
    Prediction(
        "01.async",
        "s",
        begun=lambda work: bool(work.calls(_FUNCTION, mode="async")),
        observed=lambda work: _caller_waited(work, "async_"),
        run=(_FUNCTION, "async"),
    ),
)
