"""Notebook 03: callbacks, and the inspector that receives them."""

from __future__ import annotations

from functools import partial
from typing import Any

from labkit.clients.gateway import FunctionResponse
from labkit.clients.inspector import CapturedRequest
from labkit.teaching.exercise import Exercise, Prediction, Question
from labkit.teaching.work import CheckFinding, Work, near, passed, until, wrong
from labkit_services.call_record.call import Call

_BIN = "mine"
_near = partial(near, off=0.1)
_SECONDS = 2.0
"""So long a check waits for a result that is on its way."""


def own_bin(work: Work) -> CheckFinding:
    """03.1: one call whose result comes to a bin."""
    handle: Any = work.value("my_call", cell="ex-mine")
    if isinstance(handle, FunctionResponse):
        return wrong("sync", seconds=handle.seconds)
    work.need(hasattr(handle, "accepted"), "no-handle", type=type(handle).__name__)
    call, has_arrived = _result_of(work, handle.id)
    if call is None:
        return wrong("unknown")
    work.need(call.function == "figlet", "other-function", function=call.function)
    if has_arrived:
        return passed(id=call.id[:8])
    work.need(call.is_answered, "not-yet", state=call.state)
    if call.callback is None:
        return wrong("no-callback")
    if "/" not in call.callback.url:
        return wrong("only-name", url=call.callback.url)
    is_elsewhere = bool(call.captured) or not (call.callback.error or call.callback.has_failed)
    return wrong("other-bin" if is_elsewhere else "unreachable", url=call.callback.url)


def _result_of(work: Work, call_id: str) -> tuple[Call | None, bool]:
    """Return a call, and whether the bin has its result; wait a moment."""

    def look() -> tuple[Call | None, bool]:
        call = next((call for call in work.calls(mode="async") if call.id == call_id), None)
        return call, any(request.call_id == call_id for request in work.requests(_BIN))

    def is_over(seen: tuple[Call | None, bool]) -> bool:
        call, has_arrived = seen
        return call is None or has_arrived or call.is_settled or bool(call.callback and call.callback.error)

    return until(look, is_over, _SECONDS)


def your_wait(work: Work) -> CheckFinding:
    """03.2: end to end is more than the worker's duration."""
    call = work.value("record", Call, cell="duration")
    late = work.value("late", CapturedRequest, cell="duration")
    seconds = work.number("you_waited", cell="ex-wait")
    if _near(seconds, call.end_to_end):
        return passed(seconds=seconds)
    for key, other in (
        ("worker", late.duration_seconds),
        ("queue", call.waited_in_queue),
        ("accepted", call.client_waited),
    ):
        if _near(seconds, other):
            return wrong(key, seconds=seconds)
    return wrong("other", seconds=seconds)


def failed_calls(work: Work) -> CheckFinding:
    """03.3: tell failure from success by the header, not by the receiver."""
    given: Any = work.value("failures", (list, set, tuple, frozenset, str), cell="ex-failures")
    work.need(not isinstance(given, str), "one-text")
    work.need(all(isinstance(each, str) for each in given), "no-ids")
    arrived = [request for request in work.requests("callbacks") if request.function_status]
    right = {request.call_id for request in arrived if request.function_status != 200}
    work.need(right, "cell-not-run", cell="fails")
    ids, known = set(given), {request.call_id for request in arrived}
    if ids == right:
        return passed(n=len(right))
    refused = {call.id for call in work.calls() if any(post.has_failed for post in call.callbacks)}
    if not ids:
        return wrong("none")
    if ids == known:
        return wrong("all")
    if ids == known - right:
        return wrong("succeeded")
    return wrong("receiver" if right < ids and ids - right <= refused else "other")


def _is_new(work: Work, call_id: str) -> bool:
    return call_id in {call.id for call in work.calls()}


def _duration(work: Work) -> float | None:
    late = work.found("late", CapturedRequest)
    return late.duration_seconds if late and _is_new(work, late.call_id) else None


def _broken(work: Work) -> Call | None:
    """Return the first call of the function that fails, once it is over."""
    return next((call for call in work.calls("broken", mode="async") if call.is_settled), None)


def _posted(work: Work) -> int | None:
    call = _broken(work)
    return None if call is None else len(call.callbacks)


def _runs(call: object) -> int | None:
    return len(call.attempts) if isinstance(call, Call) else None


def _kept_trying(work: Work) -> int | None:
    call = work.found("kept_trying", Call)
    return _runs(call) if call and _is_new(work, call.id) else None


EXERCISES = (
    Exercise("03.1", own_bin, cells=("figlet",)),
    Exercise("03.2", your_wait, cells=("duration",)),
    Exercise("03.3", failed_calls, cells=("fails", "receiver-fails")),
)
QUESTIONS = (Question("03.q1", right="b"), Question("03.q2", right="d"))
PREDICTIONS = (
    Prediction("03.duration", "s", begun=lambda work: _duration(work) is not None, observed=_duration),
    Prediction(
        "03.runs",
        "times",
        begun=lambda work: bool(work.calls("broken")),
        observed=lambda work: _runs(_broken(work)),
    ),
    Prediction("03.posted", "times", begun=lambda work: bool(work.calls("broken")), observed=_posted),
    Prediction("03.again", "times", begun=lambda work: _kept_trying(work) is not None, observed=_kept_trying),
)
