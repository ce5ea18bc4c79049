"""The event: one small record of one thing that happened at one hop.

On the wire one NATS message carries a batch of events of one service, as
JSON: ``{"service": …, "instance": …, "events": [[time_ns, type, call_id,
function, attempt, data], …]}``. Batching is what keeps the record cheap: a
publish per event would cost more than the accept it describes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from sys import intern
from typing import Any

from labkit_services.contract.compact import encode

Row = list[Any]
"""One event on the wire: ``[time_ns, type, call_id, function, attempt, data]``."""


class EventType(StrEnum):
    """What can happen, by the hop that sees it; ``data`` keys in brackets."""

    # client (labkit)
    CLIENT_SENT = "client.sent"  # [mode: "sync"|"async", bytes]
    CLIENT_ANSWERED = "client.answered"  # [status, bytes] or [error]
    # gateway
    CALL_RECEIVED = "call.received"  # [mode, method, bytes]
    CALL_QUEUED = "call.queued"  # [queue, seq, bytes]; seq is the stream's sequence number
    CALL_FORWARDED = "call.forwarded"  # [replica]
    CALL_ANSWERED = "call.answered"  # [status, bytes]
    CALL_CANCELLED = "call.cancelled"
    # queue-worker; ``attempt`` counts deliveries from 1
    DELIVERY_RECEIVED = "delivery.received"  # [queue, seq]
    INVOCATION_STARTED = "invocation.started"
    INVOCATION_FINISHED = "invocation.finished"  # [status, bytes] or [status, error]
    RETRY_SCHEDULED = "retry.scheduled"  # [delay] in seconds
    DELIVERY_ACKED = "delivery.acked"
    DELIVERY_DEAD = "delivery.dead"  # [reason]
    CALLBACK_SENT = "callback.sent"  # [url]
    CALLBACK_ANSWERED = "callback.answered"  # [status] or [error]
    CALLBACK_RETRY = "callback.retry"  # [delay] in seconds
    CALLBACK_DEAD = "callback.dead"  # [reason]
    # watchdog
    PROCESS_STARTED = "process.started"  # [pid]
    PROCESS_EXITED = "process.exited"  # [pid, code]; code < 0 is a signal
    # inspector
    REQUEST_CAPTURED = "request.captured"  # [bin, request, bytes]
    # supervisor; call_id is ""
    SERVICE_STARTED = "service.started"  # [service, pid]
    SERVICE_EXITED = "service.exited"  # [service, pid, code]
    FAULT_STARTED = "fault.started"  # [fault, service] and of what else it is like
    FAULT_ENDED = "fault.ended"  # the same


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        time_ns: Unix time in nanoseconds, by the clock of the process that saw it.
        type: What happened; unknown types of newer versions are kept as text.
        call_id: The call it belongs to, or "" for the lab's own events.
        function: The function's name as the learner wrote it, or "".
        attempt: Which delivery of the call, from 1.
        service: Name of the service that saw it (``gateway``, ``queue-worker`` …).
        instance: Which one of them, such as ``gateway-4711``.
        data: A few numbers and words; the keys stand beside each ``EventType``.
    """

    time_ns: int
    type: str
    call_id: str = ""
    function: str = ""
    attempt: int = 1
    service: str = ""
    instance: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def encode_batch(service: str, instance: str, rows: Iterable[Row]) -> bytes:
    """Return the message body that carries ``rows``."""
    batch = {"service": service, "instance": instance, "events": list(rows)}
    return encode(batch).encode()


def decode_batch(body: bytes) -> list[Event]:
    """Return the events of one message.

    Raises:
        ValueError: The body is not a batch; one bad batch must not end a reader.
    """
    try:
        batch = json.loads(body)
        service, instance = batch["service"], batch["instance"]
        return [
            # Interned: a log of ten thousand calls repeats these in every event.
            Event(time_ns, intern(type_), intern(call_id), intern(function), attempt, service, instance, data)
            for time_ns, type_, call_id, function, attempt, data in batch["events"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a batch of events: {error!r}") from error
