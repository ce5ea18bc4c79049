"""A call as JSON, for the gateway, the inspector and record files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.attribution import NOTHING_MORE, Surroundings, explain
from labkit_services.call_record.call import Call
from labkit_services.call_record.callback import Callback, Capture
from labkit_services.call_record.spans import Span, spans
from labkit_services.contract.times import rfc3339


def call_to_json(
    call: Call, functions: Sequence[str] = (), around: Surroundings = NOTHING_MORE
) -> dict[str, Any]:
    """Return all that is known of a call.

    ``functions`` are all that have an asynchronous call with this id.
    Times are RFC 3339 in UTC to the microsecond, durations are seconds; spans
    have Unix seconds. Unknown values are null.
    """
    return {
        "callId": call.id,
        "function": call.function,
        "functions": list(functions) or [call.function],
        "mode": call.mode,
        "state": call.state.value,
        "settled": call.is_settled,
        "status": call.status,
        "queue": call.queue,
        "sequence": call.seq,
        "times": {
            "sent": _time(call.sent),
            "received": _time(call.received),
            "queued": _time(call.queued),
            "requeued": _time(call.requeued),
            "answered": _time(call.released),
            "delivered": _time(call.delivered),
            "started": _time(call.started),
            "finished": _time(call.finished),
            "calledBack": _time(call.callback.answered if call.callback else None),
            "acknowledged": _time(call.acked),
            "cancelled": _time(call.cancelled),
            "dead": _time(call.dead),
        },
        "durations": {
            "clientWaited": call.client_waited,
            "waitedInQueue": call.waited_in_queue,
            "ran": call.ran,
            "endToEnd": call.end_to_end,
        },
        "deadReason": call.dead_reason,
        "attempts": [_attempt(attempt) for attempt in call.attempts],
        "callbacks": [_callback(callback) for callback in call.callbacks],
        "callbackDeadReason": call.callback_dead_reason,
        "redeliveries": call.redeliveries,
        "captured": [_capture(capture) for capture in call.captured],
        "spans": [_span(span) for span in spans(call, around.now_ns)],
        "outcome": explain(call, around).to_json(),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    process = attempt.process
    return {
        "number": attempt.number,
        "delivered": _time(attempt.delivered),
        "started": _time(attempt.started),
        "finished": _time(attempt.finished),
        "acknowledged": _time(attempt.acked),
        "status": attempt.status,
        "error": attempt.error,
        "ran": attempt.ran,
        "retryDelay": attempt.retry_delay,
        "process": None if process is None else {"pid": process.pid, "exitCode": process.code},
    }


def _callback(callback: Callback) -> dict[str, Any]:
    return {
        "url": callback.url,
        "attempt": callback.attempt,
        "sent": _time(callback.sent),
        "answered": _time(callback.answered),
        "status": callback.status,
        "error": callback.error,
        "redirectedTo": callback.location,
        "refused": callback.refused,
        "retryDelay": callback.retry_delay,
    }


def _capture(capture: Capture) -> dict[str, Any]:
    return {"bin": capture.bin, "id": capture.request, "seq": capture.seq, "time": capture.time / 1e9}


def _span(span: Span) -> dict[str, Any]:
    return {
        "lane": span.lane.value,
        "kind": span.kind.value,
        "start": span.start_ns / 1e9,
        "end": None if span.end_ns is None else span.end_ns / 1e9,
        "label": span.label,
        "attempt": span.attempt,
    }


def _time(ns: int | None) -> str | None:
    """Return Unix nanoseconds as an RFC 3339 time; None stays None."""
    return None if ns is None else rfc3339(ns)
