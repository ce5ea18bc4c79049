"""From events to the attempts of a call."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from labkit_services.call_record.attempt import Attempt, ProcessRun
from labkit_services.call_record.event_fields import ByType, integer, seconds, text, time_of
from labkit_services.contract.events import Event, EventType

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
        attempts.append(Attempt(number, None, forwarded.time_ns, finished, status, process=process))
    if processes and not attempts:  # the watchdog's batch came before the gateway's
        attempts.append(Attempt(1, process=processes[-1]))
    return tuple(attempts)


def async_attempts(by_type: ByType) -> tuple[Attempt, ...]:
    """Return an attempt for each delivery, numbered by the worker."""
    known: dict[int, dict[str, Event]] = defaultdict(dict)
    for type_ in WORKER_TYPES:
        for event in by_type.get(type_, ()):
            known[event.attempt].setdefault(type_, event)
    attempts = {number: _async_attempt(number, known[number]) for number in sorted(known)}
    for reported, process in _process_runs(by_type):
        number = reported if reported in attempts and reported > 1 else _attempt_during(attempts, process)
        attempts[number] = replace(attempts.get(number, Attempt(number)), process=process)
    return tuple(attempts.values())


def _async_attempt(number: int, events: dict[str, Event]) -> Attempt:
    finished = events.get(EventType.INVOCATION_FINISHED)
    retry = events.get(EventType.RETRY_SCHEDULED)
    return Attempt(
        number,
        delivered=time_of(events.get(EventType.DELIVERY_RECEIVED)),
        asked=time_of(events.get(EventType.INVOCATION_STARTED)),
        finished=time_of(finished),
        status=integer(finished, "status"),
        error=text(finished, "error"),
        retry_scheduled=time_of(retry),
        retry_delay=seconds(retry, "delay"),
        acked=time_of(events.get(EventType.DELIVERY_ACKED)),
    )


def _attempt_during(attempts: dict[int, Attempt], process: ProcessRun) -> int:
    """Return the number of the attempt during which ``process`` ran.

    The watchdog does not know about deliveries. So it is the last attempt that
    was delivered before the process began.
    """
    began = process.started if process.started is not None else process.exited
    numbers = [
        number
        for number, attempt in attempts.items()
        if began is not None and (attempt.delivered or attempt.asked or 0) <= began
    ]
    return numbers[-1] if numbers else next(iter(attempts), 1)


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
        end = ProcessRun(integer(event, "pid"), exited=event.time_ns, code=integer(event, "code"))
        for index, (instance, attempt, process) in enumerate(found):
            same = instance == event.instance and process.pid == end.pid
            if same and process.exited is None and (process.started or 0) <= event.time_ns:
                found[index] = (instance, attempt, replace(end, started=process.started))
                break
        else:
            found.append((event.instance, event.attempt, end))
    return sorted(
        ((attempt, process) for _, attempt, process in found),
        key=lambda item: item[1].started or item[1].exited or 0,
    )
