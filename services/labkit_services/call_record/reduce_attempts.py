"""From events to the attempts of a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from operator import attrgetter, itemgetter

from labkit_services.call_record.attempt import Attempt, ProcessRun
from labkit_services.call_record.event_fields import ByType, integer, seconds, text, time_of
from labkit_services.contract.events import Event, EventType

_Delivery = tuple[int, dict[str, Event]]
"""Its number, and its events by type."""
_time = attrgetter("time_ns")

WORKER_TYPES = (
    EventType.DELIVERY_RECEIVED,
    EventType.INVOCATION_STARTED,
    EventType.INVOCATION_FINISHED,
    EventType.RETRY_SCHEDULED,
    EventType.DELIVERY_ACKED,
    EventType.DELIVERY_DEAD,
)
"""What the queue-worker reports of a delivery."""


def sync_attempts(by_type: ByType) -> tuple[Attempt, ...]:
    """Return an attempt for each request that the gateway forwarded.

    There is more than one if a client reuses its call id.
    """
    responses = list(by_type.get(EventType.CALL_ANSWERED, ()))
    processes = [process for _, process in _process_runs(by_type)]
    attempts = []
    for number, forwarded in enumerate(by_type.get(EventType.CALL_FORWARDED, ()), start=1):
        response = next((e for e in responses if e.time_ns >= forwarded.time_ns), None)
        if response:
            responses.remove(response)
        finished, status = time_of(response), integer(response, "status")
        process = processes.pop(0) if processes else None
        attempts.append(
            Attempt(
                number,
                asked=forwarded.time_ns,
                finished=finished,
                status=status,
                error=text(response, "error"),
                process=process,
                platform=text(response, "platform"),
                detail=text(response, "text"),
            )
        )
    if processes and not attempts:  # the watchdog's batch came before the gateway's
        attempts.append(Attempt(1, process=processes[-1]))
    return tuple(attempts)


def async_attempts(by_type: ByType) -> tuple[Attempt, ...]:
    """Return an attempt for each delivery, numbered by the worker.

    A client may give two calls of a function one id: a delivery with another
    sequence number begins the other call's attempts.
    """
    deliveries: list[_Delivery] = []
    latest: dict[int, dict[str, Event]] = {}
    for event in sorted([e for type_ in WORKER_TYPES for e in by_type.get(type_, ())], key=_time):
        known = latest.get(event.attempt)
        if known is None or _is_of_another_call(event, known):
            known = latest[event.attempt] = {}
            deliveries.append((event.attempt, known))
        known.setdefault(event.type, event)
    if len({number for number, _ in deliveries}) == len(deliveries):
        deliveries.sort(key=itemgetter(0))
    runs: dict[int, ProcessRun] = {}
    for number, process in _process_runs(by_type):
        index = _delivery_of(deliveries, number, process)
        if index == len(deliveries):
            deliveries.append((1, {}))
        runs[index] = process
    attempts = [
        _async_attempt(number, events, runs.get(index)) for index, (number, events) in enumerate(deliveries)
    ]
    return tuple(_with_breaks(attempts, by_type))


def _with_breaks(attempts: Sequence[Attempt], by_type: ByType) -> Iterator[Attempt]:
    """Note when the gateway saw the worker leave an attempt.

    The worker is then gone, or has dropped a cancelled call: it reports no
    end of the attempt.
    """
    broken = [event.time_ns for event in by_type.get(EventType.CALL_ANSWERED, ()) if event.data.get("error")]
    if not broken:
        yield from attempts
        return
    for attempt, follower in zip_longest(attempts, attempts[1:]):
        begin, end = attempt.started, follower.started if follower else None
        if begin is None or attempt.finished is not None:
            yield attempt
            continue
        found = (time for time in broken if begin <= time and (end is None or time < end))
        yield replace(attempt, broke_off=next(found, None))


def _is_of_another_call(event: Event, known: Mapping[str, Event]) -> bool:
    if event.type != EventType.DELIVERY_RECEIVED:
        return False
    received = known.get(EventType.DELIVERY_RECEIVED)
    return received is not None and integer(event, "seq") != integer(received, "seq")


def _async_attempt(number: int, events: Mapping[str, Event], process: ProcessRun | None) -> Attempt:
    received = events.get(EventType.DELIVERY_RECEIVED)
    finished = events.get(EventType.INVOCATION_FINISHED)
    retry = events.get(EventType.RETRY_SCHEDULED)
    return Attempt(
        number,
        delivered=time_of(received),
        asked=time_of(events.get(EventType.INVOCATION_STARTED)),
        finished=time_of(finished),
        status=integer(finished, "status"),
        error=text(finished, "error"),
        process=process,
        retry_scheduled=time_of(retry),
        retry_delay=seconds(retry, "delay"),
        acked=time_of(events.get(EventType.DELIVERY_ACKED)),
        seq=integer(received, "seq"),
        platform=text(finished, "platform"),
        detail=text(finished, "text"),
        limit=integer(retry, "of"),
    )


def _delivery_of(deliveries: Sequence[_Delivery], reported: int, process: ProcessRun) -> int:
    """Return the index of the delivery whose attempt ``process`` ran.

    Most watchdogs do not know about deliveries and report 1. Then it is the
    last one that was delivered before the process began.
    """
    numbered = [index for index, (number, _) in enumerate(deliveries) if number == reported > 1]
    if numbered:
        return numbered[-1]
    began = process.started if process.started is not None else process.exited
    earlier = [
        index for index, (_, events) in enumerate(deliveries) if began is not None and _begin(events) <= began
    ]
    return earlier[-1] if earlier else 0


def _begin(events: Mapping[str, Event]) -> int:
    received, asked = events.get(EventType.DELIVERY_RECEIVED), events.get(EventType.INVOCATION_STARTED)
    return time_of(received) or time_of(asked) or 0


def _process_runs(by_type: ByType) -> list[tuple[int, ProcessRun]]:
    """Return (attempt as reported, process) in the order of their starts.

    A long-lived process may run several attempts under one id. So each end
    belongs to the first start before it that has no end yet.
    """
    found: list[tuple[str, int, ProcessRun]] = [
        (event.instance, event.attempt, ProcessRun(integer(event, "pid"), started=event.time_ns))
        for event in by_type.get(EventType.PROCESS_STARTED, ())
    ]
    for event in by_type.get(EventType.PROCESS_EXITED, ()):
        pid, code = integer(event, "pid"), integer(event, "code")
        for index, (instance, attempt, process) in enumerate(found):
            same = instance == event.instance and process.pid == pid
            if same and process.exited is None and (process.started or 0) <= event.time_ns:
                found[index] = (instance, attempt, ProcessRun(pid, process.started, event.time_ns, code))
                break
        else:
            process = ProcessRun(pid, exited=event.time_ns, code=code)
            found.append((event.instance, event.attempt, process))
    return sorted(
        ((attempt, process) for _, attempt, process in found),
        key=lambda item: item[1].started or item[1].exited or 0,
    )
