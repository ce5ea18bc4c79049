"""Calls over time: the spans of one call, and the step series of several.

A step series is a list of ``(time_ns, count)``: the count holds from that time
until the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call

Steps = list[tuple[int, int]]


class Lane(StrEnum):
    """Where a span happens, in the order in which a call passes."""

    CLIENT = "client"
    GATEWAY = "gateway"
    QUEUE = "queue"
    FUNCTION = "function"
    CALLBACK = "callback"


class Kind(StrEnum):
    """What happens; plots choose colour, shape and legend by it."""

    WAITS = "waits"  # the client waits for the response
    FORWARDS = "forwards"  # the gateway forwards a synchronous call
    ACCEPTS = "accepts"  # the gateway stores an asynchronous call
    QUEUED = "queued"  # in the queue, for the first time
    REQUEUED = "requeued"  # in the queue again, after an attempt that failed
    WORKS = "works"  # the function runs, or ran successfully
    FAILS = "fails"  # the function failed
    LOST = "lost"  # an attempt whose end was never reported, as when a worker is killed
    CALLS_BACK = "calls back"  # the result is sent to the callback URL
    CALLBACK_FAILS = "callback fails"  # the result could not be delivered
    CAPTURED = "captured"  # a bin received the callback; has no duration


@dataclass(frozen=True, slots=True)
class Span:
    """A period in one lane; ``end_ns`` is None while it lasts."""

    lane: Lane
    kind: Kind
    start_ns: int
    end_ns: int | None
    label: str


def spans(call: Call) -> list[Span]:
    """Return the spans of ``call``, lane by lane."""
    return [*_client_and_gateway(call), *_queue(call), *_function(call), *_callbacks(call)]


def _client_and_gateway(call: Call) -> Iterator[Span]:
    if call.asked is not None:
        label = _outcome(call.accepted, call.client_error) or "waits"
        yield Span(Lane.CLIENT, Kind.WAITS, call.asked, call.released, label)
    if call.received is not None:
        kind = Kind.ACCEPTS if call.mode == "async" else Kind.FORWARDS
        yield Span(Lane.GATEWAY, kind, call.received, call.replied, kind.value)


def _outcome(status: int | None, error: str) -> str:
    return error or ("" if status is None else str(status))


def _queue(call: Call) -> Iterator[Span]:
    if call.queued is not None:
        taken = call.delivered if call.delivered is not None else call.started
        end = call.cancelled if taken is None else taken
        yield Span(Lane.QUEUE, Kind.QUEUED, call.queued, end, call.queue or "queued")
    followers: list[Attempt | None] = [*call.attempts[1:], None]
    for attempt, follower in zip(call.attempts, followers, strict=False):
        if attempt.retry_scheduled is not None:
            end = call.cancelled if follower is None else (follower.delivered or follower.started)
            label = f"waits for attempt {attempt.number + 1}"
            yield Span(Lane.QUEUE, Kind.REQUEUED, attempt.retry_scheduled, end, label)


def _function(call: Call) -> Iterator[Span]:
    for attempt in call.attempts:
        start, end = attempt.work
        if start is None:
            continue
        label = _outcome(attempt.status, attempt.error)
        if len(call.attempts) > 1:
            label = f"attempt {attempt.number}: {label}" if label else f"attempt {attempt.number}"
        kind = Kind.FAILS if attempt.has_failed else Kind.WORKS
        if attempt.finished is None and (lost_at := _lost_at(call, attempt)) is not None:
            kind, end = Kind.LOST, lost_at if end is None else end
        yield Span(Lane.FUNCTION, kind, start, end, label)


def _lost_at(call: Call, attempt: Attempt) -> int | None:
    """Return when an attempt was known to be lost, or None."""
    for earlier, later in pairwise(call.attempts):
        if earlier is attempt:
            return later.delivered if later.delivered is not None else later.started
    return call.cancelled if call.cancelled is not None else call.dead


def _callbacks(call: Call) -> Iterator[Span]:
    for callback in call.callbacks:
        start = callback.sent if callback.sent is not None else callback.answered
        if start is not None:
            kind = Kind.CALLBACK_FAILS if callback.has_failed else Kind.CALLS_BACK
            label = _outcome(callback.status, callback.error) or callback.url
            if callback.refused:
                label += " refused"
            yield Span(Lane.CALLBACK, kind, start, callback.answered, label)
    for capture in call.captured:
        yield Span(Lane.CALLBACK, Kind.CAPTURED, capture.time, capture.time, f"bin {capture.bin}")


def queue_depth(calls: Iterable[Call]) -> Steps:
    """Return how many calls were queued or waiting for a retry."""
    return _steps(span for call in calls for span in _queue(call))


def in_flight(calls: Iterable[Call]) -> Steps:
    """Return how many invocations of the function were in flight."""
    return _steps(
        Span(Lane.FUNCTION, Kind.WORKS, attempt.started, attempt.finished or _lost_at(call, attempt), "")
        for call in calls
        for attempt in call.attempts
        if attempt.started is not None
    )


def _steps(periods: Iterable[Span]) -> Steps:
    changes: dict[int, int] = defaultdict(int)
    for span in periods:
        changes[span.start_ns] += 1
        if span.end_ns is not None:
            # The clocks of two hosts may disagree: a span that ends before its
            # start counts as empty.
            changes[max(span.start_ns, span.end_ns)] -= 1
    steps: Steps = []
    count = 0
    for time in sorted(changes):
        if changes[time]:
            count += changes[time]
            steps.append((time, count))
    return steps
