"""Events of calls as the services would report them, for tests."""

from __future__ import annotations

from labkit.views.measurement import Measurement
from labkit_services.call_record.log import Call, CallLog, Mode
from labkit_services.call_record.reducer import insert_event, read_call
from labkit_services.contract.events import Event, EventType

BEGIN = 1_790_000_000_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS


def event(
    at: float, type_: str, call_id: str = "c1", attempt: int = 1, service: str = "gateway", **data: object
) -> Event:
    """Return an event ``at`` seconds after the beginning."""
    time_ns = BEGIN + round(at * SECOND)
    return Event(time_ns, str(type_), call_id, "long-task", attempt, service, f"{service}-1", data)


def reduce_call(call: Call | None, event: Event) -> Call:
    """Add one event to a call; return the same object if it has that event."""
    events = list(call.events) if call else []
    if insert_event(events, event) or call is None:
        return read_call(event.call_id, events)
    return call


def reduced(*events: Event) -> Call:
    call = None
    for each in events:
        call = reduce_call(call, each)
    assert call is not None
    return call


def visit(start: float, end: float, call_id: str, *, status: int = 200, pid: int = 7) -> list[Event]:
    """Return the events of gateway and watchdog for a sync invocation."""
    return [
        event(start, EventType.CALL_RECEIVED, call_id, mode="sync", method="POST", bytes=0),
        event(start + 0.0002, EventType.CALL_FORWARDED, call_id, replica="long-task-1"),
        event(start + 0.001, EventType.PROCESS_STARTED, call_id, service="watchdog", pid=pid),
        event(
            end - 0.001,
            EventType.PROCESS_EXITED,
            call_id,
            service="watchdog",
            pid=pid,
            code=0 if status == 200 else 1,
        ),
        event(end - 0.0005, EventType.CALL_ANSWERED, call_id, status=status, bytes=3),
    ]


def sync_call(
    call_id: str = "c1", start: float = 0.0, seconds: float = 1.0, status: int = 200
) -> list[Event]:
    end = start + seconds
    return [
        event(start, EventType.CLIENT_SENT, call_id, service="client", mode="sync", bytes=0),
        *visit(start + 0.001, end - 0.001, call_id, status=status),
        event(end, EventType.CLIENT_ANSWERED, call_id, service="client", status=status, bytes=3),
    ]


def accepted(call_id: str = "c1", start: float = 0.0, seconds: float = 0.003) -> list[Event]:
    """Return the events of an asynchronous call up to its 202."""
    return [
        event(start, EventType.CLIENT_SENT, call_id, service="client", mode="async", bytes=0),
        event(start + 0.0005, EventType.CALL_RECEIVED, call_id, mode="async", method="POST", bytes=0),
        event(start + 0.002, EventType.CALL_QUEUED, call_id, queue="faas-request", seq=1),
        event(start + 0.0021, EventType.CALL_ANSWERED, call_id, status=202, bytes=0),
        event(start + seconds, EventType.CLIENT_ANSWERED, call_id, service="client", status=202, bytes=0),
    ]


def attempt(
    call_id: str, start: float, seconds: float, number: int = 1, status: int = 200, *, acked: bool = True
) -> list[Event]:
    """Return the events of one delivery, of worker, gateway and watchdog."""
    end = start + seconds

    def worker(at: float, type_: EventType, **data: object) -> Event:
        return event(at, type_, call_id, number, "queue-worker", **data)

    events = [
        worker(start, EventType.DELIVERY_RECEIVED, seq=1),
        worker(start + 0.0005, EventType.INVOCATION_STARTED),
        *visit(start + 0.001, end - 0.001, call_id, status=status, pid=100 + number),
        worker(end, EventType.INVOCATION_FINISHED, status=status, bytes=3),
    ]
    return [*events, worker(end + 0.001, EventType.DELIVERY_ACKED)] if acked else events


def retry(call_id: str, at: float, number: int, delay: float) -> Event:
    return event(at, EventType.RETRY_SCHEDULED, call_id, number, "queue-worker", delay=delay)


def sync_run(calls: int, seconds: float = 1.0) -> list[Event]:
    """Return ``calls`` synchronous calls, one after the other."""
    return [
        each
        for number in range(calls)
        for each in sync_call(f"s{number}", number * (seconds + 0.01), seconds + 0.008)
    ]


def async_run(calls: int, max_inflight: int, seconds: float = 1.0) -> list[Event]:
    """Return calls sent at once and processed ``max_inflight`` at a time."""
    events = []
    for number in range(calls):
        turn = number // max_inflight
        start = 0.01 + 0.002 * number if turn == 0 else 0.05 + turn * (seconds + 0.02)
        events += accepted(f"a{number}", number * 0.002)
        events += attempt(f"a{number}", start, seconds + 0.01)
    return events


def measured(mode: Mode, events: list[Event], until: float | None = None) -> Measurement:
    """Return the measurement of the events within ``until`` seconds."""
    log = CallLog()
    end = max(each.time_ns for each in events) if until is None else BEGIN + round(until * SECOND)
    for each in events:
        if each.time_ns <= end:
            log.apply(each)
    calls = tuple(log.calls)
    return Measurement("long-task", mode, calls, BEGIN, end)
