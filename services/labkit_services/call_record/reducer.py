"""From events to a call, without any I/O.

A call *is* the set of its events; all else is read off that set in time order.
So it does not matter in which order the services' batches arrive, and an event
that arrives twice counts once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from labkit_services.call_record.call import Call, Mode
from labkit_services.call_record.call_parts import Attempt, Callback, Capture, Process
from labkit_services.contract.events import Event, EventType

_ByType = dict[str, list[Event]]
"""A call's events by type, each list in time order."""

_WORKER_TYPES = (
    EventType.DELIVERY_RECEIVED,
    EventType.INVOCATION_STARTED,
    EventType.INVOCATION_FINISHED,
    EventType.RETRY_SCHEDULED,
    EventType.DELIVERY_ACKED,
    EventType.DELIVERY_DEAD,
)
_CALLBACK_TYPES = (
    EventType.CALLBACK_SENT,
    EventType.CALLBACK_ANSWERED,
    EventType.CALLBACK_RETRY,
    EventType.CALLBACK_DEAD,
)
_ASYNC_TYPES = (EventType.CALL_QUEUED, *_WORKER_TYPES, *_CALLBACK_TYPES)

_VISIT_TYPES = (
    EventType.CALL_RECEIVED,
    EventType.CALL_FORWARDED,
    EventType.CALL_ANSWERED,
    EventType.PROCESS_STARTED,
    EventType.PROCESS_EXITED,
)
"""What is reported when a function is asked by the synchronous route."""

_RANK = {str(type_): rank for rank, type_ in enumerate(EventType)}
_time = attrgetter("time_ns")


def reduce_call(call: Call | None, event: Event) -> Call:
    """Return ``call`` with one more event; the same object if it has that event already.

    Folding a call's events in any order, with any repetitions, gives the same call.
    """
    events = list(call.events) if call else []
    if insert_event(events, event) or call is None:
        return read_call(event.call_id, events)
    return call


def insert_event(events: list[Event], event: Event) -> bool:
    """Insert ``event`` where it belongs in time; False if it is there already."""
    if not events or event.time_ns > events[-1].time_ns:
        events.append(event)
        return True
    start = bisect_left(events, event.time_ns, key=_time)
    same_time = events[start : bisect_right(events, event.time_ns, key=_time)]
    if event in same_time:
        return False
    # Equal times need an order too, or the result would depend on arrival.
    events.insert(start + bisect_left(same_time, _tie_break(event), key=_tie_break), event)
    return True


def _tie_break(event: Event) -> tuple[int, str, int, str, str]:
    rank = _RANK.get(event.type, len(_RANK))
    return rank, event.type, event.attempt, event.instance, repr(sorted(event.data.items()))


def read_call(call_id: str, events: Sequence[Event]) -> Call:
    """Read a call off its events, which must be distinct and in time order."""
    by_type: _ByType = defaultdict(list)
    callbacks = _callback_times(events)
    for event in events:
        if not (callbacks and event.type in _VISIT_TYPES and _is_of_callback(event, callbacks)):
            by_type[event.type].append(event)
    mode = _mode(by_type)
    is_async = mode == "async"
    sent = _first(by_type, EventType.CLIENT_SENT)
    answered = _first(by_type, EventType.CLIENT_ANSWERED)
    received = next(
        (e for e in by_type.get(EventType.CALL_RECEIVED, ()) if not is_async or _is_async(e)), None
    )
    queued = _first(by_type, EventType.CALL_QUEUED)
    reply = _reply(by_type, is_async=is_async)
    cancelled = _last(by_type, EventType.CALL_CANCELLED)
    last_queued = _last(by_type, EventType.CALL_QUEUED)
    # Its id has been used for another call.
    cancelled = None if _is_followed(by_type, cancelled, (EventType.CALL_QUEUED,)) else cancelled
    given_up = _last(by_type, EventType.DELIVERY_DEAD)
    callback_dead = _last(by_type, EventType.CALLBACK_DEAD)
    # A dead letter that is put back lives again.
    later = (EventType.DELIVERY_RECEIVED, EventType.CALL_QUEUED)
    dead = None if _is_followed(by_type, given_up, later) else given_up
    if _is_followed(by_type, callback_dead, (*later, EventType.CALLBACK_RETRY, EventType.CALLBACK_SENT)):
        callback_dead = None
    return Call(
        id=call_id,
        events=tuple(events),
        function=next((e.function for e in events if e.function), ""),
        mode=mode,
        # A quick worker's word may come before that of the gateway.
        queue=_text(queued or _first(by_type, EventType.DELIVERY_RECEIVED), "queue"),
        seq=_number(last_queued, "seq"),
        sent=_at(sent),
        answered=_at(answered),
        accepted=_number(answered, "status") if answered else _number(reply, "status"),
        client_error=_text(answered, "error"),
        received=_at(received),
        queued=_at(queued),
        requeued=_at(last_queued) if last_queued is not queued else None,
        replied=_at(reply or (queued if is_async else None)),
        cancelled=_at(cancelled),
        dead=_at(dead),
        dead_reason=_text(dead, "reason"),
        callback_dead=_at(callback_dead),
        callback_dead_reason=_text(callback_dead, "reason"),
        attempts=_async_attempts(by_type) if is_async else _sync_attempts(by_type),
        callbacks=_callbacks(by_type),
        captured=tuple(
            Capture(e.time_ns, _text(e, "bin"), _text(e, "request"), _number(e, "bytes"))
            for e in by_type.get(EventType.REQUEST_CAPTURED, ())
        ),
    )


def _is_followed(by_type: _ByType, event: Event | None, types: Sequence[EventType]) -> bool:
    """Tell whether something of ``types`` happened after ``event``."""
    return event is not None and any(
        other.time_ns > event.time_ns for type_ in types for other in by_type.get(type_, ())
    )


def _callback_times(events: Sequence[Event]) -> list[tuple[int, int]]:
    """Return when results of the call were being posted: from, and until; 0 for not yet answered."""
    times: list[tuple[int, int]] = []
    for event in events:
        if event.type == EventType.CALLBACK_SENT:
            times.append((event.time_ns, 0))
        elif times and event.type in (EventType.CALLBACK_ANSWERED, EventType.DELIVERY_RECEIVED):
            # A new delivery: the worker that was posting is no more.
            times[-1] = (times[-1][0], times[-1][1] or event.time_ns)
    return times


def _is_of_callback(event: Event, callbacks: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a hop saw the callback, not the call.

    A callback carries the call's id. If it goes to another function, gateway and
    watchdog report that function's work under the same id.
    """
    return any(
        sent <= event.time_ns and (not answered or event.time_ns <= answered) for sent, answered in callbacks
    )


def _first(by_type: _ByType, type_: str) -> Event | None:
    events = by_type.get(type_)
    return events[0] if events else None


def _last(by_type: _ByType, type_: str) -> Event | None:
    events = by_type.get(type_)
    return events[-1] if events else None


def _at(event: Event | None) -> int | None:
    return event.time_ns if event else None


def _number(event: Event | None, key: str) -> int | None:
    value: Any = event.data.get(key) if event else None
    return value if isinstance(value, int) else None


def _text(event: Event | None, key: str) -> str:
    return str(event.data.get(key, "")) if event else ""


def _is_async(event: Event) -> bool:
    return bool(event.data.get("mode") == "async")


def _mode(by_type: _ByType) -> Mode | None:
    """Return the mode that the events tell; a trace of the queue outweighs all else.

    For the worker invokes an async call through the gateway's *sync* route,
    so a ``call.received`` with mode sync proves nothing by itself.
    """
    if any(type_ in by_type for type_ in _ASYNC_TYPES):
        return "async"
    told = [*by_type.get(EventType.CLIENT_SENT, ()), *by_type.get(EventType.CALL_RECEIVED, ())]
    if any(_is_async(event) for event in told):
        return "async"
    return "sync" if told else None


def _reply(by_type: _ByType, *, is_async: bool) -> Event | None:
    """Return the gateway's answer to the client, as distinct from its answers to the worker.

    Those come only after it has forwarded the call to the function.
    """
    reply = _first(by_type, EventType.CALL_ANSWERED)
    forwarded = _first(by_type, EventType.CALL_FORWARDED)
    if is_async and reply and forwarded and reply.time_ns > forwarded.time_ns:
        return None
    return reply


def _sync_attempts(by_type: _ByType) -> tuple[Attempt, ...]:
    """One per request that the gateway forwarded; more than one if a client reuses its call id."""
    answers = list(by_type.get(EventType.CALL_ANSWERED, ()))
    processes = [process for _, process in _processes(by_type)]
    attempts = []
    for number, forwarded in enumerate(by_type.get(EventType.CALL_FORWARDED, ()), start=1):
        answer = next((e for e in answers if e.time_ns >= forwarded.time_ns), None)
        if answer:
            answers.remove(answer)
        attempts.append(
            Attempt(
                number,
                asked=forwarded.time_ns,
                finished=_at(answer),
                status=_number(answer, "status"),
                process=processes.pop(0) if processes else None,
            )
        )
    if processes and not attempts:  # the watchdog's batch came before the gateway's
        attempts.append(Attempt(1, process=processes[-1]))
    return tuple(attempts)


def _async_attempts(by_type: _ByType) -> tuple[Attempt, ...]:
    """One per delivery, by the worker's count."""
    known: dict[int, dict[str, Event]] = defaultdict(dict)
    for type_ in _WORKER_TYPES:
        for event in by_type.get(type_, ()):
            known[event.attempt].setdefault(type_, event)
    attempts = {number: _async_attempt(number, known[number]) for number in sorted(known)}
    for said, process in _processes(by_type):
        number = said if said in attempts and said > 1 else _attempt_at(attempts, process)
        attempts[number] = replace(attempts.get(number, Attempt(number)), process=process)
    return tuple(attempts.values())


def _async_attempt(number: int, events: dict[str, Event]) -> Attempt:
    finished = events.get(EventType.INVOCATION_FINISHED)
    retry = events.get(EventType.RETRY_SCHEDULED)
    delay = retry.data.get("delay") if retry else None
    return Attempt(
        number,
        delivered=_at(events.get(EventType.DELIVERY_RECEIVED)),
        asked=_at(events.get(EventType.INVOCATION_STARTED)),
        finished=_at(finished),
        status=_number(finished, "status"),
        error=_text(finished, "error"),
        retry_scheduled=_at(retry),
        retry_delay=float(delay) if isinstance(delay, int | float) else None,
        acked=_at(events.get(EventType.DELIVERY_ACKED)),
    )


def _attempt_at(attempts: dict[int, Attempt], process: Process) -> int:
    """Return the number of the attempt during which ``process`` ran.

    The watchdog does not know about deliveries, so time decides: the last one
    delivered before the process began.
    """
    began = process.started if process.started is not None else process.exited
    numbers = [
        number
        for number, attempt in attempts.items()
        if began is not None and (attempt.delivered or attempt.asked or 0) <= began
    ]
    return numbers[-1] if numbers else next(iter(attempts), 1)


def _processes(by_type: _ByType) -> list[tuple[int, Process]]:
    """Return (attempt as the event says, process) in the order of their starts.

    One process may work several times for a call: a long-lived one is told by
    its id only, so each end belongs to the first start before it that has none.
    """
    found: list[tuple[str, int, Process]] = [
        (event.instance, event.attempt, Process(_number(event, "pid"), started=event.time_ns))
        for event in by_type.get(EventType.PROCESS_STARTED, ())
    ]
    for event in by_type.get(EventType.PROCESS_EXITED, ()):
        end = Process(_number(event, "pid"), exited=event.time_ns, code=_number(event, "code"))
        for index, (instance, attempt, process) in enumerate(found):
            same = instance == event.instance and process.pid == end.pid
            if same and process.exited is None and (process.started or 0) <= event.time_ns:
                ended = replace(process, exited=event.time_ns, code=end.code)
                found[index] = (instance, attempt, ended)
                break
        else:
            found.append((event.instance, event.attempt, end))
    return sorted(
        ((attempt, process) for _, attempt, process in found),
        key=lambda item: item[1].started or item[1].exited or 0,
    )


def _callbacks(by_type: _ByType) -> tuple[Callback, ...]:
    """Pair each callback with the first answer after it that no earlier one has taken."""
    answers = list(by_type.get(EventType.CALLBACK_ANSWERED, ()))
    callbacks = []
    for sent in by_type.get(EventType.CALLBACK_SENT, ()):
        answer = next((e for e in answers if e.attempt == sent.attempt and e.time_ns >= sent.time_ns), None)
        if answer:
            answers.remove(answer)
        callbacks.append(_callback(sent, answer))
    callbacks += [_callback(None, answer) for answer in answers]
    callbacks.sort(key=lambda callback: callback.sent or callback.answered or 0)
    for retry in by_type.get(EventType.CALLBACK_RETRY, ()):
        before = [n for n, callback in enumerate(callbacks) if (callback.sent or 0) <= retry.time_ns]
        if before:
            delay = retry.data.get("delay")
            callbacks[before[-1]] = replace(
                callbacks[before[-1]],
                retry_scheduled=retry.time_ns,
                retry_delay=float(delay) if isinstance(delay, int | float) else None,
            )
    return tuple(callbacks)


def _callback(sent: Event | None, answer: Event | None) -> Callback:
    event = sent or answer
    return Callback(
        attempt=event.attempt if event else 1,
        url=_text(sent, "url"),
        sent=_at(sent),
        answered=_at(answer),
        status=_number(answer, "status"),
        error=_text(answer, "error"),
    )
