"""From events to the callback requests of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labkit_services.call_record.callback import Callback
from labkit_services.call_record.event_fields import ByType, integer, seconds, text, time_of
from labkit_services.contract.events import Event, EventType

CALLBACK_TYPES = (
    EventType.CALLBACK_SENT,
    EventType.CALLBACK_ANSWERED,
    EventType.CALLBACK_RETRY,
    EventType.CALLBACK_DEAD,
)

_VISIT_TYPES = (
    EventType.CALL_RECEIVED,
    EventType.CALL_FORWARDED,
    EventType.CALL_ANSWERED,
    EventType.PROCESS_STARTED,
    EventType.PROCESS_EXITED,
)
"""What is reported when a function is invoked by the synchronous route."""


def callbacks_of(by_type: ByType) -> tuple[Callback, ...]:
    """Pair each request with the first unpaired response after it."""
    responses = list(by_type.get(EventType.CALLBACK_ANSWERED, ()))
    callbacks = []
    for sent in by_type.get(EventType.CALLBACK_SENT, ()):
        later = (e for e in responses if e.attempt == sent.attempt and e.time_ns >= sent.time_ns)
        response = next(later, None)
        if response:
            responses.remove(response)
        callbacks.append(_callback(sent, response))
    callbacks += [_callback(None, response) for response in responses]
    callbacks.sort(key=_begin)
    for retry in by_type.get(EventType.CALLBACK_RETRY, ()):
        before = [n for n, callback in enumerate(callbacks) if _begin(callback) <= retry.time_ns]
        if before:
            callbacks[before[-1]] = replace(
                callbacks[before[-1]], retry_scheduled=retry.time_ns, retry_delay=seconds(retry, "delay")
            )
    return tuple(callbacks)


def _begin(callback: Callback) -> int:
    return callback.sent or callback.answered or 0


def _callback(sent: Event | None, response: Event | None) -> Callback:
    event = sent or response
    return Callback(
        attempt=event.attempt if event else 1,
        url=text(sent, "url"),
        sent=time_of(sent),
        answered=time_of(response),
        status=integer(response, "status"),
        error=text(response, "error"),
        location=text(response, "location"),
        refused=bool(response and response.data.get("refused")),
    )


def without_callback_visits(events: Sequence[Event]) -> Sequence[Event]:
    """Drop what a function did that was the target of a callback.

    A callback carries the call's id. If it goes to another function, gateway
    and watchdog report that function's work under the same id.
    """
    periods = _callback_periods(events)
    return [event for event in events if not _is_visit_during(event, periods)] if periods else events


def _callback_periods(events: Sequence[Event]) -> list[tuple[int, int]]:
    """Return begin and end of each request; 0 without a response."""
    periods: list[tuple[int, int]] = []
    for event in events:
        if event.type == EventType.CALLBACK_SENT:
            periods.append((event.time_ns, 0))
        elif periods and event.type in (EventType.CALLBACK_ANSWERED, EventType.DELIVERY_RECEIVED):
            # After a new delivery: the worker that sent the request has died.
            periods[-1] = (periods[-1][0], periods[-1][1] or event.time_ns)
    return periods


def _is_visit_during(event: Event, periods: Sequence[tuple[int, int]]) -> bool:
    return event.type in _VISIT_TYPES and any(
        begin <= event.time_ns and (not end or event.time_ns <= end) for begin, end in periods
    )
