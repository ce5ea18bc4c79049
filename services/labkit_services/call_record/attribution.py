"""Which hop decided a call's outcome, why, and what to do next.

The same words are shown by the page, ``labkit call``, errors and headers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from labkit_services.call_record.attempt import Attempt
from labkit_services.call_record.call import Call, CallState
from labkit_services.call_record.callback import Callback
from labkit_services.call_record.causes import Cause, Hop, attempt_cause, refusal_cause
from labkit_services.call_record.phrases import Phrase

_BROKER_NS = 1_000_000_000
"""The broker delivers a call up to a second after the end of its delay, even
if a worker is free."""
_LONG = 3.0
"""A run is unusually long after this multiple of the usual time, and a second
more."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is known when a call is explained; unknown values are None.

    Attributes:
        now_ns: The time, Unix nanoseconds.
        ahead: Calls that are before it in its queue.
        max_inflight: Calls that the workers of its queue run at once.
        usual: Seconds that the function usually runs.
        worker: What keeps the queue-workers from their work: ``paused``,
            ``stopped``, or "".
    """

    now_ns: int | None = None
    ahead: int | None = None
    max_inflight: int | None = None
    usual: float | None = None
    worker: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class CallOutcome:
    """What decided the outcome of a call, or what it waits for.

    Attributes:
        code: The catalogue has ``outcome.CODE.reason`` and
            ``outcome.CODE.next``.
        values: Their values.
    """

    hop: Hop
    code: str
    values: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """One or two sentences."""
        return self.reason_in("en")

    @property
    def next(self) -> str:
        """What to do next, as a sentence."""
        return self.next_in("en")

    def reason_in(self, language: str) -> str:
        """Return the reason in a language of the catalogue."""
        return Phrase(f"{self.code}.reason", self.values).text(language)

    def next_in(self, language: str) -> str:
        """Return what to do next in a language of the catalogue."""
        return Phrase(f"{self.code}.next", self.values).text(language)

    def __str__(self) -> str:
        return f"{self.reason} {self.next}"

    __repr__ = __str__

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> CallOutcome:
        """Read what ``to_json`` returns."""
        return cls(Hop(document["hop"]), document["code"], Phrase.from_json(document).values)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the API."""
        phrase = Phrase(self.code, self.values).to_json()
        return {"hop": self.hop.value, **phrase, "reason": self.reason, "next": self.next}


NOTHING_MORE = Surroundings()


def explain(call: Call, around: Surroundings = NOTHING_MORE) -> CallOutcome:
    """Return what decided the outcome of ``call``, or what it waits for."""
    match call.state:
        case CallState.DONE:
            hop, code, values = _done(call, around)
        case CallState.FAILED:
            hop, code, values = _failed(call, around)
        case CallState.DEAD:
            hop, code, values = _dead(call, around)
        case CallState.CANCELLED:
            hop, code, values = _cancelled(call)
        case CallState.CALLING_BACK:
            hop, code, values = _calling_back(call, around)
        case CallState.RETRYING:
            hop, code, values = _retrying(call, around)
        case CallState.QUEUED:
            hop, code, values = _queued(call, around)
        case CallState.DELIVERED | CallState.RUNNING:
            hop, code, values = _running(call, around)
        case _:
            hop, code, values = _on_its_way(call)
    return CallOutcome(hop, code, {"call": call.id, "function": call.function, **values})


_Found = tuple[Hop, str, dict[str, Any]]


def _history(attempts: Sequence[Attempt], around: Surroundings) -> list[Phrase]:
    """Return a sentence for each run of attempts that ended alike."""
    causes = [(attempt.number, attempt_cause(attempt, around.now_ns)) for attempt in attempts]
    phrases = []
    for cause, group in groupby(causes, key=lambda item: item[1]):
        numbers = [number for number, _ in group]
        ending = Phrase(f"{cause.code}.ending", cause.values)
        phrases.append(Phrase("attempts", {"n": len(numbers), "numbers": numbers, "ending": ending}))
    return phrases


def _limit(call: Call) -> int | None:
    """Return the number of the last attempt that there would be."""
    known = [attempt.limit for attempt in call.attempts if attempt.limit is not None]
    return max(known[-1], call.attempts[-1].number) if known else None


def _success(call: Call, around: Surroundings) -> Phrase:
    status, attempts = call.status if call.status is not None else 200, call.attempts
    if call.mode != "async" or len(attempts) < 2:
        return Phrase("success", {"status": status})
    values: dict[str, Any] = {"status": status, "attempt": attempts[-1].number}
    values["history"] = _history(attempts[:-1], around)
    if (limit := _limit(call)) is None:
        return Phrase("success_later", values)
    return Phrase("success_retried", {**values, "limit": limit})


def _done(call: Call, around: Surroundings) -> _Found:
    success, callback = {"success": _success(call, around)}, call.callback
    if callback is None:
        is_retried = call.mode == "async" and len(call.attempts) > 1
        return Hop.FUNCTION, "done_retried" if is_retried else "done", success
    if not callback.has_failed:
        values = {"callback_status": callback.status, "url": callback.url, "n": len(call.callbacks)}
        return Hop.CALLBACK, "delivered", {**success, **values}
    code, values = _failed_callback(call, callback)
    return Hop.CALLBACK, code, {**success, **values}


def _failed_callback(call: Call, callback: Callback) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {"url": callback.location or callback.url, "n": len(call.callbacks)}
    if call.callback_dead is not None:
        return "callback_dead", {**values, "detail": call.callback_dead_reason, "queue": call.queue}
    if callback.status is None:
        return "callback_unreachable", {**values, "detail": callback.error}
    values["callback_status"] = callback.status
    if callback.status in (401, 403):
        return "callback_forbidden", values
    if callback.status in (404, 405, 410):
        return "callback_missing", values
    return "callback_redirect" if 300 <= callback.status < 400 else "callback_refused", values


def _calling_back(call: Call, around: Surroundings) -> _Found:
    callback, success = call.callback, _success(call, around)
    assert callback is not None
    if call.last_attempt is not None and call.last_attempt.has_failed:
        success = _history(call.attempts[-1:], around)[0]
    values: dict[str, Any] = {"success": success, "url": callback.url, "n": len(call.callbacks)}
    if callback.retry_scheduled is not None:
        values["answer"] = callback.status if callback.status is not None else callback.error
        return Hop.CALLBACK, "callback_retrying", {**values, "delay": callback.retry_delay or 0}
    held = [one for one in call.captured if callback.sent is None or one.time >= callback.sent]
    if callback.answered is None and held:
        return Hop.CALLBACK, "callback_held", {**values, "bin": held[-1].bin}
    return Hop.CALLBACK, "callback_pending", values


def _failed(call: Call, around: Surroundings) -> _Found:
    attempt = call.last_attempt
    if attempt is None or (call.mode == "sync" and call.client_error and not attempt.has_failed):
        return _of(refusal_cause(call))
    cause = attempt_cause(attempt, around.now_ns)
    if cause.code == "caller_gone" and call.client_error:
        cause = refusal_cause(call)
    hop, code, values = _of(cause)
    if call.mode == "async" and len(call.attempts) > 1:
        history = _history(call.attempts, around)
        return hop, "failed_retried", {**values, "n": len(call.attempts), "history": history}
    return hop, code, values


def _of(cause: Cause) -> _Found:
    return cause.hop, cause.code, dict(cause.values)


def _dead(call: Call, around: Surroundings) -> _Found:
    failed = [attempt for attempt in call.attempts if attempt.has_failed]
    values = {"n": len(call.attempts), "history": _history(call.attempts, around), "queue": call.queue}
    if not failed or failed[-1] is not call.attempts[-1]:
        return Hop.WORKER, "dead_other", {**values, "detail": call.dead_reason}
    return attempt_cause(failed[-1], around.now_ns).hop, "dead", values


def _cancelled(call: Call) -> _Found:
    attempt = call.last_attempt
    values = {"attempt": attempt.number if attempt else 1}
    if attempt is None:
        return Hop.CLIENT, "cancelled_queued", values
    if attempt.retry_scheduled is not None:
        return Hop.CLIENT, "cancelled_retrying", values
    return Hop.CLIENT, "cancelled_running", values


def _retrying(call: Call, around: Surroundings) -> _Found:
    attempt = call.attempts[-1]
    values = {"history": _history(call.attempts, around), "attempt": attempt.number + 1}
    delay = attempt.retry_delay or 0.0
    due = (attempt.retry_scheduled or 0) + round(delay * 1e9)
    if around.now_ns is not None and around.now_ns > due + _BROKER_NS:
        return Hop.QUEUE, "retry_due", values
    limit = {} if attempt.limit is None else {"limit": attempt.limit}
    return attempt_cause(attempt, around.now_ns).hop, "retrying", {**values, **limit, "delay": delay}


def _queued(call: Call, around: Surroundings) -> _Found:
    queue, ahead = call.queue, around.ahead
    if around.worker:
        return Hop.WORKER, f"queued_worker_{around.worker}", {"queue": queue}
    if around.max_inflight == 0:
        return Hop.WORKER, "queued_no_worker", {"queue": queue}
    if ahead is None:
        return Hop.QUEUE, "queued", {"queue": queue}
    if around.max_inflight is None:
        return Hop.QUEUE, "queued_behind", {"queue": queue, "n": ahead}
    values = {"queue": queue, "n": ahead, "max_inflight": around.max_inflight}
    return Hop.QUEUE, "queued_limit" if ahead else "queued_next", values


def _running(call: Call, around: Surroundings) -> _Found:
    attempt = call.last_attempt
    assert attempt is not None or call.state is CallState.RUNNING
    number = attempt.number if attempt else 1
    values: dict[str, Any] = {"attempt": number}
    if attempt is not None and attempt.broke_off is not None:
        return Hop.WORKER, "lease", values
    if around.worker and call.mode == "async":
        return Hop.WORKER, f"running_worker_{around.worker}", values
    if attempt is None or attempt.started is None:
        return Hop.WORKER, "at_worker", values
    if around.now_ns is not None and around.usual is not None:
        ran = (around.now_ns - attempt.started) / 1e9
        if ran > around.usual * _LONG and ran > around.usual + 1:
            return Hop.FUNCTION, "running_long", {**values, "seconds": ran, "usual": around.usual}
    return Hop.FUNCTION, "running", values


def _on_its_way(call: Call) -> _Found:
    match call.state:
        case CallState.RECEIVED:
            return Hop.GATEWAY, "received", {}
        case CallState.SENT:
            return Hop.GATEWAY, "sent", {}
        case _:
            return Hop.LAB, "unknown", {}
