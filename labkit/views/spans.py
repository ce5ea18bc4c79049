"""Views of calls over time: a call's spans by lane, and counts as step series.

A step series is a list of ``(time_ns, count)``: from that time on, until the
next, the count holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call
from labkit_services.call_record.callback import Callback

Steps = list[tuple[int, int]]


class Lane(StrEnum):
    """Where something happened, in the order of a call's way."""

    CLIENT = "client"
    GATEWAY = "gateway"
    QUEUE = "queue"
    FUNCTION = "function"
    CALLBACK = "callback"


class Kind(StrEnum):
    """What happened there; plots and pages choose colour, shape and legend by it."""

    WAITS = "waits"  # the client waits for its answer
    FORWARDS = "forwards"  # the gateway has the request of a synchronous call open
    ACCEPTS = "accepts"  # the gateway stores an asynchronous call
    QUEUED = "queued"  # in the queue, for the first time
    REQUEUED = "requeued"  # in the queue again: put off after an attempt that failed
    WORKS = "works"  # the function works, or has worked with success
    FAILS = "fails"  # the function has worked in vain
    LOST = "lost"  # an attempt of which no end was ever reported, as when a worker is killed
    CALLS_BACK = "calls back"  # the result is posted
    CALLBACK_FAILS = "callback fails"  # the result was posted in vain
    CAPTURED = "captured"  # a bin has caught the callback; takes no time


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of time in one lane; ``end_ns`` is None while it lasts."""

    lane: Lane
    kind: Kind
    start_ns: int
    end_ns: int | None
    label: str


def spans(call: Call) -> list[Span]:
    """Return what happened to ``call``, lane by lane."""
    return [
        *_client_and_gateway(call),
        *_queue(call),
        *(span for attempt in call.attempts if (span := _function(call, attempt))),
        *(span for callback in call.callbacks if (span := _callback(callback))),
        *(
            Span(Lane.CALLBACK, Kind.CAPTURED, capture.time, capture.time, f"bin {capture.bin}")
            for capture in call.captured
        ),
    ]


def _client_and_gateway(call: Call) -> list[Span]:
    found = []
    if call.asked is not None:
        label = _outcome(call.accepted, call.client_error) or "waits"
        found.append(Span(Lane.CLIENT, Kind.WAITS, call.asked, call.released, label))
    if call.received is not None:
        kind = Kind.ACCEPTS if call.mode == "async" else Kind.FORWARDS
        found.append(Span(Lane.GATEWAY, kind, call.received, call.replied, kind.value))
    return found


def _outcome(status: int | None, error: str) -> str:
    return error or ("" if status is None else str(status))


def _queue(call: Call) -> list[Span]:
    found = []
    taken_back = call.cancelled
    if call.queued is not None:
        taken = call.delivered if call.delivered is not None else call.started
        end = taken_back if taken is None else taken
        found.append(Span(Lane.QUEUE, Kind.QUEUED, call.queued, end, call.queue or "queued"))
    followers: list[Attempt | None] = [*call.attempts[1:], None]
    for attempt, follower in zip(call.attempts, followers, strict=False):
        if attempt.retry_scheduled is None:
            continue
        end = taken_back if follower is None else (follower.delivered or follower.started)
        label = f"waits for attempt {attempt.number + 1}"
        found.append(Span(Lane.QUEUE, Kind.REQUEUED, attempt.retry_scheduled, end, label))
    return found


def _function(call: Call, attempt: Attempt) -> Span | None:
    start, end = attempt.work
    if start is None:
        return None
    label = _outcome(attempt.status, attempt.error)
    if len(call.attempts) > 1:
        label = f"attempt {attempt.number}: {label}" if label else f"attempt {attempt.number}"
    if attempt.finished is None and (lost_at := _lost_at(call, attempt)) is not None:
        return Span(Lane.FUNCTION, Kind.LOST, start, lost_at if end is None else end, label)
    kind = Kind.FAILS if attempt.has_failed else Kind.WORKS
    return Span(Lane.FUNCTION, kind, start, end, label)


def _lost_at(call: Call, attempt: Attempt) -> int | None:
    """Return when it was clear that no end of ``attempt`` will be reported, None if one may."""
    for earlier, later in pairwise(call.attempts):
        if earlier is attempt:
            return later.delivered if later.delivered is not None else later.started
    return call.cancelled if call.cancelled is not None else call.dead


def _callback(callback: Callback) -> Span | None:
    start = callback.sent if callback.sent is not None else callback.answered
    if start is None:
        return None
    kind = Kind.CALLBACK_FAILS if callback.has_failed else Kind.CALLS_BACK
    label = _outcome(callback.status, callback.error) or callback.url
    return Span(Lane.CALLBACK, kind, start, callback.answered, label)


def queue_depth(calls: Iterable[Call]) -> Steps:
    """Return how many calls lay in the queue, those put off for a retry included."""
    return _steps(span for call in calls for span in _queue(call))


def in_flight(calls: Iterable[Call]) -> Steps:
    """Return how many invocations of the function were going on."""
    return _steps(
        Span(Lane.FUNCTION, Kind.WORKS, attempt.started, _invocation_end(call, attempt), "")
        for call in calls
        for attempt in call.attempts
        if attempt.started is not None
    )


def _invocation_end(call: Call, attempt: Attempt) -> int | None:
    return attempt.finished if attempt.finished is not None else _lost_at(call, attempt)


def _steps(stretches: Iterable[Span]) -> Steps:
    changes: dict[int, int] = defaultdict(int)
    for span in stretches:
        changes[span.start_ns] += 1
        if span.end_ns is not None:
            # Clocks of two hosts may disagree; an end before its start counts as none.
            changes[max(span.start_ns, span.end_ns)] -= 1
    steps: Steps = []
    count = 0
    for time in sorted(changes):
        if changes[time]:
            count += changes[time]
            steps.append((time, count))
    return steps
