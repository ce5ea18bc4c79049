"""From events to a call.

A call *is* the set of its events: all else is derived from that set in time
order. So it does not matter in which order the services' batches arrive, and a
repeated event counts once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from labkit_services.call_record.call import Call, Mode
from labkit_services.call_record.callback import Capture
from labkit_services.call_record.event_fields import ByType, first, integer, last, text, time_of
from labkit_services.call_record.packed_events import pack
from labkit_services.call_record.reduce_attempts import WORKER_TYPES, async_attempts, sync_attempts
from labkit_services.call_record.reduce_callbacks import CALLBACK_TYPES, callbacks_of, without_callback_visits
from labkit_services.contract.events import Event, EventType

_ASYNC_TYPES = (EventType.CALL_QUEUED, *WORKER_TYPES, *CALLBACK_TYPES)
_RANK = {str(type_): rank for rank, type_ in enumerate(EventType)}
_time = attrgetter("time_ns")


def insert_event(events: list[Event], event: Event) -> bool:
    """Insert ``event`` in time order; return False if it is there already."""
    time_ns, place = event.time_ns, len(events)
    if not place or events[-1].time_ns < time_ns:
        events.append(event)
        return True
    # From the end: an event comes soon after those before it.
    while place and events[place - 1].time_ns > time_ns:
        place -= 1
    if place and events[place - 1].time_ns == time_ns:
        start = bisect_left(events, time_ns, key=_time)
        same_time = events[start:place]
        if event in same_time:
            return False
        # Events of one time need an order too, or the result would depend on
        # their arrival.
        place = start + bisect_left(same_time, _tie_break(event), key=_tie_break)
    events.insert(place, event)
    return True


def _tie_break(event: Event) -> tuple[int, str, int, str, str]:
    rank = _RANK.get(event.type, len(_RANK))
    return rank, event.type, event.attempt, event.instance, repr(sorted(event.data.items()))


def read_call(call_id: str, events: Sequence[Event]) -> Call:
    """Derive a call from its events, distinct and in time order."""
    kept, events = pack(events), [*events]  # unpacked once
    by_type: ByType = defaultdict(list)
    for event in without_callback_visits(events):
        by_type[event.type].append(event)
    mode = _mode(by_type)
    is_async = mode == "async"
    sent = first(by_type, EventType.CLIENT_SENT)
    answered = first(by_type, EventType.CLIENT_ANSWERED)
    queued = first(by_type, EventType.CALL_QUEUED)
    last_queued = last(by_type, EventType.CALL_QUEUED)
    response = _gateway_response(by_type, is_async=is_async)
    received = (e for e in by_type.get(EventType.CALL_RECEIVED, ()) if not is_async or _is_async(e))
    # A later call may reuse the id of a cancelled one; a redrive revives a
    # dead letter.
    cancelled = _last_unless(by_type, EventType.CALL_CANCELLED, (EventType.CALL_QUEUED,))
    revived = (EventType.DELIVERY_RECEIVED, EventType.CALL_QUEUED)
    dead = _last_unless(by_type, EventType.DELIVERY_DEAD, revived)
    callback_dead = _last_unless(
        by_type, EventType.CALLBACK_DEAD, (*revived, EventType.CALLBACK_RETRY, EventType.CALLBACK_SENT)
    )
    return Call(
        id=call_id,
        events=kept,
        function=next((e.function for e in events if e.function), ""),
        mode=mode,
        # The worker's batch may come before the gateway's.
        queue=text(queued or first(by_type, EventType.DELIVERY_RECEIVED), "queue"),
        seq=integer(last_queued, "seq"),
        sent=time_of(sent),
        answered=time_of(answered),
        accepted=integer(answered or response, "status"),
        client_error=text(answered, "error"),
        refused_by=text(response, "platform"),
        refusal=text(response, "text"),
        received=time_of(next(received, None)),
        queued=time_of(queued),
        requeued=time_of(last_queued) if last_queued is not queued else None,
        replied=time_of(response or (queued if is_async else None)),
        cancelled=time_of(cancelled),
        dead=time_of(dead),
        dead_reason=text(dead, "reason"),
        callback_dead=time_of(callback_dead),
        callback_dead_reason=text(callback_dead, "reason"),
        attempts=async_attempts(by_type) if is_async else sync_attempts(by_type),
        callbacks=callbacks_of(by_type),
        captured=tuple(
            Capture(e.time_ns, text(e, "bin"), text(e, "request"), integer(e, "bytes"), integer(e, "seq"))
            for e in by_type.get(EventType.REQUEST_CAPTURED, ())
        ),
    )


def _last_unless(by_type: ByType, type_: str, revoked_by: Sequence[str]) -> Event | None:
    """Return the last event of a type, unless others revoked it."""
    event = last(by_type, type_)
    if event is None:
        return None
    followers = [follower for other in revoked_by if (follower := last(by_type, other))]
    return None if any(follower.time_ns > event.time_ns for follower in followers) else event


def _is_async(event: Event) -> bool:
    return bool(event.data.get("mode") == "async")


def _mode(by_type: ByType) -> Mode | None:
    """Return the mode of the call; a sign of the queue outweighs all else.

    The worker invokes an async call through the gateway's *sync* route, so a
    ``call.received`` with mode sync proves nothing by itself.
    """
    if any(type_ in by_type for type_ in _ASYNC_TYPES):
        return "async"
    requests = [*by_type.get(EventType.CLIENT_SENT, ()), *by_type.get(EventType.CALL_RECEIVED, ())]
    if any(_is_async(event) for event in requests):
        return "async"
    return "sync" if requests else None


def _gateway_response(by_type: ByType, *, is_async: bool) -> Event | None:
    """Return the gateway's response to the client.

    Its responses to the worker come after it has forwarded the call to the
    function.
    """
    response = first(by_type, EventType.CALL_ANSWERED)
    forwarded = first(by_type, EventType.CALL_FORWARDED)
    if is_async and response and forwarded and response.time_ns > forwarded.time_ns:
        return None
    return response
