"""Why an attempt at a call, or a request to the gateway, failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call

GATEWAY_LOST = ("the gateway ended", "the gateway was stopped")
CALLER_GONE = "the caller disconnected"
_REPORT_NS = 2_000_000_000


class Hop(StrEnum):
    """Who decided a call's outcome."""

    CLIENT = "client"
    GATEWAY = "gateway"
    QUEUE = "queue"
    WORKER = "worker"
    FUNCTION = "function"
    CALLBACK = "callback"
    LAB = "lab"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something failed; ``code`` and ``values`` as of a phrase."""

    hop: Hop
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def attempt_cause(attempt: Attempt, now_ns: int | None = None) -> Cause:
    """Return why an attempt failed; of a lost one, that it was lost.

    What the watchdog reports arrives a little later than the answer: until
    then, by ``now_ns``, the absence of a process says nothing.
    """
    status, detail = attempt.status, _clause(attempt.detail)
    values = {"status": status, "detail": detail}
    if status is None or attempt.error:
        return _broken(attempt)
    if attempt.platform == "faas-middleware":
        return Cause(Hop.FUNCTION, "over_limit", values)
    if attempt.platform == "of-watchdog":
        is_late = status == 504
        return Cause(Hop.FUNCTION, "function_timeout" if is_late else "watchdog_error", values)
    if attempt.platform:
        return _gateways(status, detail)
    is_new = now_ns is not None and now_ns - (attempt.finished or 0) < _REPORT_NS
    return _functions(attempt, status, is_new=is_new)


def _clause(text: str) -> str:
    """Return a text as a part of a sentence."""
    return text.strip().rstrip(".")


def _broken(attempt: Attempt) -> Cause:
    """Return the cause of an attempt without a complete response."""
    error = attempt.error
    if error == CALLER_GONE:
        return Cause(Hop.CLIENT, "caller_gone")
    if error in GATEWAY_LOST:
        return Cause(Hop.GATEWAY, "gateway_ended")
    if error and attempt.delivered is not None:
        return Cause(
            Hop.WORKER, "worker_broke_off", {"status": attempt.status or 503, "detail": _clause(error)}
        )
    if error:
        return Cause(Hop.GATEWAY, "answer_broke_off", {"detail": _clause(error)})
    return Cause(Hop.WORKER, "lost")


_GATEWAY_CODES = (
    ("function not found", "unknown_function"),
    ("No endpoints available", "no_replica"),
    ("upstream_timeout", "upstream_timeout"),
    ("Can't reach service", "unreachable"),
)
"""By a part of the gateway's text: ``gateway/routes/sync_function.py``."""


def _gateways(status: int, detail: str) -> Cause:
    known = (code for part, code in _GATEWAY_CODES if part in detail)
    code = next(known, "unknown_function" if status == 404 else "gateway_error")
    return Cause(Hop.GATEWAY, code, {"status": status, "detail": detail})


def _functions(attempt: Attempt, status: int, *, is_new: bool) -> Cause:
    exit_code = attempt.process.code if attempt.process else None
    values: dict[str, Any] = {"status": status}
    if exit_code is not None and exit_code < 0:
        code = "function_timeout" if status == 408 else "function_signal"
        return Cause(Hop.FUNCTION, code, {**values, "signal": -exit_code})
    if exit_code and status >= 500:
        return Cause(Hop.FUNCTION, "function_exit", {**values, "exit": exit_code})
    if attempt.process is None and status == 500 and not is_new:
        return Cause(Hop.FUNCTION, "function_not_started", values)
    return Cause(Hop.FUNCTION, "function_refuses" if status < 500 else "function_error", values)


_REFUSALS = {
    400: "bad_request",
    405: "wrong_method",
    413: "body_too_large",
    431: "headers_too_large",
}


def refusal_cause(call: Call) -> Cause:
    """Return why the client has another answer than the function's."""
    status, detail = call.accepted, _clause(call.refusal.removeprefix("Error queuing request: "))
    if call.client_error:
        return Cause(Hop.CLIENT, "client_without_answer", {"detail": _clause(call.client_error)})
    if status is None:
        return Cause(Hop.GATEWAY, "gateway_ended")
    values = {"status": status, "detail": detail}
    if call.mode == "sync" and call.refused_by:
        return _gateways(status, detail)
    if status == 500:
        is_full = "maximum" in detail and "exceeded" in detail
        return Cause(Hop.QUEUE, "queue_full" if is_full else "queue_unavailable", values)
    return Cause(Hop.GATEWAY, _REFUSALS.get(status, "gateway_error"), values)
