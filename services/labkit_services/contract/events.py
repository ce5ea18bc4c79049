"""Events: small records of what happened to a call at one hop.

One NATS message carries a batch of events of one service, as JSON:
``{"service": …, "instance": …, "events": [[time_ns, type, call_id, function,
attempt, data], …]}``. Batching keeps the event log cheap: publishing each
event by itself would cost more than accepting the call does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from sys import intern
from typing import Any

from labkit_services.contract.compact_json import decode, encode_bytes

_SHOWN_BYTES = 300

Row = list[Any]
"""One event on the wire: ``[time_ns, type, call_id, function, attempt,
data]``."""


class EventType(StrEnum):
    """What can happen, by reporting hop; keys of ``data`` in brackets."""

    # client (labkit)
    CLIENT_SENT = "client.sent"  # [mode: "sync"|"async", bytes]
    CLIENT_ANSWERED = "client.answered"  # [status, bytes] or [error]
    # gateway
    CALL_RECEIVED = "call.received"  # [mode, method]
    CALL_QUEUED = "call.queued"  # [queue, seq, bytes]; seq is the stream's sequence number
    CALL_FORWARDED = "call.forwarded"  # [replica]
    CALL_ANSWERED = "call.answered"  # [status, bytes] or [error]; of the platform: [platform, text]
    CALL_CANCELLED = "call.cancelled"
    # queue-worker; ``attempt`` counts deliveries from 1
    DELIVERY_RECEIVED = "delivery.received"  # [queue, seq]
    INVOCATION_STARTED = "invocation.started"
    INVOCATION_FINISHED = "invocation.finished"  # [status, bytes] or [status, error]; [platform, text]
    RETRY_SCHEDULED = "retry.scheduled"  # [delay] in seconds, [of] the last attempt's number
    DELIVERY_ACKED = "delivery.acked"
    DELIVERY_DEAD = "delivery.dead"  # [reason]
    CALLBACK_SENT = "callback.sent"  # [url]
    CALLBACK_ANSWERED = "callback.answered"  # [status, location, refused] or [error]
    CALLBACK_RETRY = "callback.retry"  # [delay] in seconds
    CALLBACK_DEAD = "callback.dead"  # [reason]
    # watchdog
    PROCESS_STARTED = "process.started"  # [pid]
    PROCESS_EXITED = "process.exited"  # [pid, code]; code < 0 is a signal
    # inspector
    REQUEST_CAPTURED = "request.captured"  # [bin, request, bytes, seq]
    # supervisor, and inspector for a bin that is down; call_id is ""
    SERVICE_STARTED = "service.started"  # [service, pid]
    SERVICE_EXITED = "service.exited"  # [service, pid, code]
    FAULT_STARTED = "fault.started"  # [fault, service] and the parameters of the fault
    FAULT_ENDED = "fault.ended"  # the same keys


@dataclass(slots=True)
class Event:
    """One thing that happened; nobody changes one.

    It is not frozen: that takes three times as long to make, and a notebook
    makes a hundred thousand when it reads the event log.

    Attributes:
        time_ns: Unix time in nanoseconds, by the clock of the reporting
            process.
        type: What happened; types of newer versions are kept as text.
        call_id: The call it belongs to, or "" for the lab's own events.
        function: The function's name as the learner wrote it, or "".
        attempt: Which delivery of the call, from 1.
        service: The reporting service (``gateway``, ``queue-worker`` …).
        instance: Its name and process id, such as ``gateway-4711``.
        data: Numbers and short texts; the keys are listed at ``EventType``.
    """

    time_ns: int
    type: str
    call_id: str = ""
    function: str = ""
    attempt: int = 1
    service: str = ""
    instance: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def platform_data(made_by: str, body: bytes) -> dict[str, Any]:
    """Return what an event says of a response that the platform made.

    ``made_by`` is the value of ``X-OpenFaaS-Internal``; a function's own
    response has none, and nothing is added.
    """
    if not made_by:
        return {}
    text = body[:_SHOWN_BYTES].decode("utf-8", "replace")
    return {"platform": made_by, "text": " ".join(text.split())}


def encode_batch(service: str, instance: str, rows: Iterable[Row]) -> bytes:
    """Encode events as the body of one message."""
    batch = {"service": service, "instance": instance, "events": list(rows)}
    return encode_bytes(batch)


def decode_batch(body: bytes) -> list[Event]:
    """Decode the events of one message, or raise ``ValueError``."""
    try:
        batch = decode(body)
        service, instance = batch["service"], batch["instance"]
        return [
            # Interned, because a log of ten thousand calls repeats these texts
            # in every event.
            Event(time_ns, intern(type_), intern(call_id), intern(function), attempt, service, instance, data)
            for time_ns, type_, call_id, function, attempt, data in batch["events"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a batch of events: {error!r}") from error
