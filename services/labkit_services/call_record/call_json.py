"""The status of a call as JSON, for the gateway and the inspector."""

from __future__ import annotations

from typing import Any

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call
from labkit_services.call_record.callback import Callback
from labkit_services.contract.times import rfc3339


def call_to_json(call: Call) -> dict[str, Any]:
    """Return the status of a call.

    Times are RFC 3339 in UTC to the microsecond, durations are seconds; unknown values are null.
    """
    return {
        "callId": call.id,
        "function": call.function,
        "mode": call.mode,
        "state": call.state.value,
        "settled": call.is_settled,
        "status": call.status,
        "queue": call.queue,
        "sequence": call.seq,
        "times": {
            "sent": time_text(call.sent),
            "received": time_text(call.received),
            "queued": time_text(call.queued),
            "requeued": time_text(call.requeued),
            "answered": time_text(call.released),
            "delivered": time_text(call.delivered),
            "started": time_text(call.started),
            "finished": time_text(call.finished),
            "calledBack": time_text(call.callback.answered if call.callback else None),
            "acknowledged": time_text(call.acked),
            "cancelled": time_text(call.cancelled),
            "dead": time_text(call.dead),
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
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    process = attempt.process
    return {
        "number": attempt.number,
        "delivered": time_text(attempt.delivered),
        "started": time_text(attempt.started),
        "finished": time_text(attempt.finished),
        "acknowledged": time_text(attempt.acked),
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
        "sent": time_text(callback.sent),
        "answered": time_text(callback.answered),
        "status": callback.status,
        "error": callback.error,
        "retryDelay": callback.retry_delay,
    }


def time_text(ns: int | None) -> str | None:
    """Return Unix nanoseconds as an RFC 3339 time; None stays None."""
    return None if ns is None else rfc3339(ns)
