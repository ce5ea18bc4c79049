"""Calls over time: the spans of one call, and the step series of several.

A step series is a list of ``(time_ns, count)``: the count holds from that time
until the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise, zip_longest

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call
from labkit_services.call_record.callback import Callback
from labkit_services.call_record.event_fields import integer, text
from labkit_services.contract.events import Event, EventType

Steps = list[tuple[int, int]]


class Lane(StrEnum):
    """Where a span happens, in the order in which a call passes."""

    CLIENT = "client"
    GATEWAY = "gateway"
    QUEUE = "queue"
    FUNCTION = "function"
    CALLBACK = "callback"


class Kind(StrEnum):
    """What happens; pages and plots choose colour and shape by it."""

    WAITS = "waits"  # the client waits for the response
    FORWARDS = "forwards"  # the gateway forwards a synchronous call
    ACCEPTS = "accepts"  # the gateway stores an asynchronous call
    QUEUED = "queued"  # waits for a free worker
    BACKOFF = "backoff"  # an attempt failed: waits for the retry's delay
    LEASE = "lease"  # an attempt was lost: the broker waits before it delivers again
    WORKS = "works"  # the function runs, or ran successfully
    FAILS = "fails"  # the function failed
    LOST = "lost"  # an attempt whose end was never reported, as when a worker is killed
    CALLS_BACK = "calls_back"  # the result is sent to the callback URL
    CALLBACK_FAILS = "callback_fails"  # the result could not be delivered
    CAPTURED = "captured"  # a mark: a bin received the callback
    DEAD = "dead"  # a mark: the call, or its callback, became a dead letter
    CANCELLED = "cancelled"  # a mark in the queue, or the attempt that was interrupted


@dataclass(frozen=True, slots=True)
class Span:
    """A period in one lane, or a mark: a moment without duration.

    Attributes:
        start_ns: Unix nanoseconds.
        end_ns: The same, never before the start; None while it lasts.
        label: A few words.
        attempt: Number of the attempt that it belongs to, or None.
        is_mark: Whether it is a moment; it may lie within another span.
    """

    lane: Lane
    kind: Kind
    start_ns: int
    end_ns: int | None
    label: str
    attempt: int | None = None
    is_mark: bool = False


def spans(call: Call, now_ns: int | None = None) -> list[Span]:
    """Return the spans of ``call``, lane by lane, in time order.

    Spans of one lane don't overlap; marks may lie within them. Only the last
    span of a lane can be open. With ``now_ns`` a retry whose delay is over
    waits for a free worker; without, it waits for its delay until it is
    delivered.
    """
    lanes = (
        _client(call),
        _gateway(call),
        _queue(call, now_ns),
        _function(call),
        _callbacks(call, now_ns),
    )
    return [span for lane in lanes for span in _tidied(list(lane))]


def _tidied(found: list[Span]) -> list[Span]:
    """Return the spans of a lane in time order, without overlaps.

    Services report times by their own clocks, and a client may use an id
    twice: so an end may lie before its start, and a start before the end of
    the span before it.
    """
    found.sort(key=lambda span: span.start_ns)
    tidied: list[Span] = []
    last: int | None = None  # index of the last span that is no mark
    for span in found:
        end = span.end_ns if span.end_ns is None else max(span.start_ns, span.end_ns)
        if not span.is_mark:
            if last is not None:
                before = tidied[last]
                if before.end_ns is None or before.end_ns > span.start_ns:
                    tidied[last] = replace(before, end_ns=span.start_ns)
            last = len(tidied)
        tidied.append(span if end == span.end_ns else replace(span, end_ns=end))
    return tidied


def _client(call: Call) -> Iterator[Span]:
    if call.asked is not None:
        # The gateway reports no 202, but that it stored the call.
        stored = "" if call.queued is None else "202"
        label = _outcome(call.accepted, call.client_error) or stored or "waits"
        yield Span(Lane.CLIENT, Kind.WAITS, call.asked, _released(call), label)


def _released(call: Call) -> int | None:
    """Return when the client's wait ended, None while it waits.

    A client that left, as an interrupted cell does, reports no end: its wait
    is over when the call is.
    """
    if call.released is not None or not call.is_settled:
        return call.released
    return call.ended if call.replied is None else call.replied


def _gateway(call: Call) -> Iterator[Span]:
    if call.received is not None:
        kind = Kind.ACCEPTS if call.mode == "async" else Kind.FORWARDS
        yield Span(Lane.GATEWAY, kind, call.received, call.replied, kind.value)


def _outcome(status: int | None, error: str) -> str:
    return error or ("" if status is None else str(status))


def _events(call: Call, type_: EventType) -> list[Event]:
    return [event for event in call.events if event.type == type_]


def _queue(call: Call, now_ns: int | None) -> Iterator[Span]:
    label = call.queue or "queued"
    stored = _events(call, EventType.CALL_QUEUED)
    for index, event in enumerate(stored):
        taken = _taken(call.attempts, event, index)
        end = call.cancelled if taken is None else taken
        yield Span(Lane.QUEUE, Kind.QUEUED, event.time_ns, end, label)
    for attempt, follower in zip_longest(call.attempts, call.attempts[1:]):
        ended = call.cancelled if follower is None else _begin(follower)
        if attempt.retry_scheduled is not None:
            yield from _backoff(attempt, ended, label, now_ns)
        elif (lost := lost_at(call, attempt)) is not None:
            wait = f"attempt {attempt.number} was lost"
            if not (_is_stored_between(stored, attempt, follower) or _is_interrupted(call, attempt)):
                yield Span(Lane.QUEUE, Kind.LEASE, lost, ended, wait, attempt.number)
    for event in _events(call, EventType.DELIVERY_DEAD):
        yield _mark(Lane.QUEUE, Kind.DEAD, event.time_ns, text(event, "reason"), event.attempt)
    if call.cancelled is not None and not _is_interrupted(call, call.last_attempt):
        yield _mark(Lane.QUEUE, Kind.CANCELLED, call.cancelled, "cancelled")


def _mark(lane: Lane, kind: Kind, time: int, label: str, attempt: int | None = None) -> Span:
    return Span(lane, kind, time, time, label, attempt, is_mark=True)


def _begin(attempt: Attempt) -> int | None:
    return attempt.delivered if attempt.delivered is not None else attempt.started


def _taken(attempts: Sequence[Attempt], stored: Event, index: int) -> int | None:
    """Return when the message that ``stored`` reports was first delivered."""
    seq = integer(stored, "seq")
    for attempt in attempts:
        if attempt.seq is not None and seq is not None:
            is_same = attempt.seq == seq
        else:
            is_same = index == 0 or (_begin(attempt) or 0) >= stored.time_ns
        if is_same and _begin(attempt) is not None:
            return _begin(attempt)
    return None


def _is_stored_between(stored: Sequence[Event], attempt: Attempt, follower: Attempt | None) -> bool:
    """Tell whether the call was queued anew after an attempt."""
    begin, end = _begin(attempt) or 0, None if follower is None else _begin(follower)
    if follower is not None and follower.seq is not None and attempt.seq is not None:
        return follower.seq != attempt.seq
    return any(begin < event.time_ns and (end is None or event.time_ns <= end) for event in stored[1:])


def _backoff(attempt: Attempt, ended: int | None, label: str, now_ns: int | None) -> Iterator[Span]:
    """Yield the wait for the retry's delay, then that for a free worker."""
    start = attempt.retry_scheduled
    assert start is not None
    due = start + round((attempt.retry_delay or 0.0) * 1e9)
    end = now_ns if ended is None else ended
    is_due = attempt.retry_delay is not None and end is not None and end > due
    wait = f"waits for attempt {attempt.number + 1}"
    yield Span(Lane.QUEUE, Kind.BACKOFF, start, due if is_due else ended, wait, attempt.number)
    if is_due:
        yield Span(Lane.QUEUE, Kind.QUEUED, due, ended, label)


def _function(call: Call) -> Iterator[Span]:
    for attempt in call.attempts:
        start, end = attempt.work
        if start is None:
            continue
        label = _outcome(attempt.status, attempt.error)
        if len(call.attempts) > 1:
            label = f"attempt {attempt.number}: {label}" if label else f"attempt {attempt.number}"
        kind = Kind.FAILS if attempt.has_failed else Kind.WORKS
        if attempt.finished is None:
            if _is_interrupted(call, attempt):
                kind, end = Kind.CANCELLED, call.cancelled if end is None else end
            elif (lost := lost_at(call, attempt)) is not None:
                kind, end = Kind.LOST, lost
        yield Span(Lane.FUNCTION, kind, start, end, label, attempt.number)


def _is_interrupted(call: Call, attempt: Attempt | None) -> bool:
    """Tell whether the call was cancelled while ``attempt`` ran."""
    return (
        call.cancelled is not None
        and attempt is not None
        and attempt is call.last_attempt
        and attempt.started is not None
        and attempt.started <= call.cancelled
        and attempt.finished is None
        and attempt.retry_scheduled is None
        and attempt.acked is None
    )


def lost_at(call: Call, attempt: Attempt) -> int | None:
    """Return when an unfinished attempt was lost, None if it was not.

    That is the earliest sign of it: the connection to the worker broke, the
    process ended, or another delivery began.
    """
    if attempt.finished is not None or attempt.acked is not None or attempt.retry_scheduled is not None:
        return None
    if attempt.broke_off is not None:
        return attempt.broke_off
    replaced = _replaced(call, attempt)
    exited = attempt.process.exited if attempt.process else None
    return replaced if exited is None or replaced is None else min(exited, replaced)


def _replaced(call: Call, attempt: Attempt) -> int | None:
    """Return when something else took an attempt's place, or None."""
    for earlier, later in pairwise(call.attempts):
        if earlier is attempt:
            return _begin(later)
    return call.cancelled if call.cancelled is not None else call.dead


def _callbacks(call: Call, now_ns: int | None) -> Iterator[Span]:
    lane = Lane.CALLBACK
    for index, callback in enumerate(call.callbacks):
        start = callback.sent if callback.sent is not None else callback.answered
        if start is None:
            continue
        follower = call.callbacks[index + 1] if index + 1 < len(call.callbacks) else None
        next_start = None if follower is None else (follower.sent or follower.answered)
        yield _callback(call, callback, start, next_start)
        if callback.retry_scheduled is not None:
            ended = call.callback_dead if follower is None else next_start
            yield Span(lane, Kind.BACKOFF, callback.retry_scheduled, ended, "waits for the next try")
    for event in _events(call, EventType.CALLBACK_DEAD):
        yield _mark(lane, Kind.DEAD, event.time_ns, text(event, "reason"), event.attempt)
    for capture in call.captured:
        yield _mark(lane, Kind.CAPTURED, capture.time, f"bin {capture.bin}")


def _callback(call: Call, callback: Callback, start: int, next_start: int | None) -> Span:
    kind = Kind.CALLBACK_FAILS if callback.has_failed else Kind.CALLS_BACK
    label = _outcome(callback.status, callback.error) or callback.url
    if callback.refused:
        label += " refused"
    end, last = callback.answered, call.last_attempt
    if end is None and last is not None and callback.attempt < last.number:
        # Its worker died, and the call was delivered again.
        kind, end = Kind.CALLBACK_FAILS, next_start if _begin(last) is None else _begin(last)
    return Span(Lane.CALLBACK, kind, start, end, label, callback.attempt)


def queue_depth(calls: Iterable[Call]) -> Steps:
    """Return how many calls were queued or waiting for a retry."""
    return _steps(span for call in calls for span in _tidied(list(_queue(call, None))) if not span.is_mark)


def in_flight(calls: Iterable[Call]) -> Steps:
    """Return how many invocations of the function were in flight."""
    return _steps(
        Span(Lane.FUNCTION, Kind.WORKS, attempt.started, attempt.finished or _given_up(call, attempt), "")
        for call in calls
        for attempt in call.attempts
        if attempt.started is not None
    )


def _given_up(call: Call, attempt: Attempt) -> int | None:
    """Return when an unfinished attempt was lost or replaced, or None."""
    lost = lost_at(call, attempt)
    return _replaced(call, attempt) if lost is None else lost


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
