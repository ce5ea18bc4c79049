"""The call: what is known of one request, from the client to its callback.

Times are Unix nanoseconds or None, durations are seconds or None, as in
``call_parts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from labkit_services.call_record.call_parts import (
    Attempt,
    Callback,
    Capture,
    Process,
    is_success,
    seconds_between,
)
from labkit_services.contract.events import Event

Mode = Literal["sync", "async"]
"""``sync``: asked for by ``/function/NAME``; ``async``: by ``/async-function/NAME``."""


class CallState(StrEnum):
    """How far a call has come."""

    UNKNOWN = "unknown"  # only traces are known, such as a captured callback
    SENT = "sent"  # the client has sent it, no service has reported it yet
    RECEIVED = "received"  # the gateway has it and has neither stored nor forwarded it
    QUEUED = "queued"  # stored in the stream: 202 Accepted is a promise from here on
    DELIVERED = "delivered"  # a queue-worker holds it, the function has not been asked yet
    RUNNING = "running"  # the function works on it
    RETRYING = "retrying"  # an attempt failed and the next one is scheduled
    CALLING_BACK = "calling back"  # the function is done, its result is on the way to the callback
    DONE = "done"  # the function succeeded
    FAILED = "failed"  # it was refused, or the function failed, and nobody will try again
    DEAD = "dead"  # its attempts are used up: it is in the dead-letter stream
    CANCELLED = "cancelled"  # taken back before the function had succeeded

    @property
    def is_final(self) -> bool:
        """Whether the function's part is over, well or badly."""
        return self in _FINAL


_FINAL = frozenset({CallState.DONE, CallState.FAILED, CallState.DEAD, CallState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as far as its events tell.

    Attributes:
        id: The ``X-Call-Id``.
        events: What all else is read off: distinct, in time order.
        function: Name as the learner wrote it.
        mode: None until an event tells.
        queue: Name of the queue that stores it, or "".
        seq: Its sequence number in that queue's stream, when it was last put there.
        sent: When the client sent it; None for clients that keep no record, such as curl.
        answered: When that client had its answer, or its error.
        accepted: Status that the client saw: 202 for an accepted asynchronous call.
        client_error: Why the client had no answer, or "".
        received: When the gateway got the client's request.
        queued: When the stream had stored it.
        requeued: When it was put back into the queue after it had been given up.
        replied: When the gateway had answered the client's request.
        cancelled: When the gateway took it back.
        dead: When it was given up.
        dead_reason: Why, or "".
        callback_dead: When its callback was given up.
        callback_dead_reason: Why, or "".
        attempts: Every time the function was asked, by number.
        callbacks: Every time a result was posted, in time order.
        captured: Requests with this call's id that reached a bin, in time order.
    """

    id: str
    events: tuple[Event, ...] = ()
    function: str = ""
    mode: Mode | None = None
    queue: str = ""
    seq: int | None = None
    sent: int | None = None
    answered: int | None = None
    accepted: int | None = None
    client_error: str = ""
    received: int | None = None
    queued: int | None = None
    requeued: int | None = None
    replied: int | None = None
    cancelled: int | None = None
    dead: int | None = None
    dead_reason: str = ""
    callback_dead: int | None = None
    callback_dead_reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    captured: tuple[Capture, ...] = ()

    def __repr__(self) -> str:
        return f"Call({self.id!r}, {self.function!r}, {self.mode}, {self.state})"

    @property
    def state(self) -> CallState:
        """How far it has come."""
        # A cancel that came after success changed nothing.
        if self.cancelled is not None and not self._succeeded_before(self.cancelled):
            return CallState.CANCELLED
        if self.mode == "async":
            return self._asynchronous_state()
        if self.replied is not None or self.answered is not None:
            succeeded = is_success(self.status) and not self.client_error
            return CallState.DONE if succeeded else CallState.FAILED
        return CallState.RUNNING if self.attempts else self._sent_state()

    def _succeeded_before(self, time: int) -> bool:
        finished = self.finished
        return finished is not None and finished <= time and is_success(self.status)

    def _asynchronous_state(self) -> CallState:
        if self.dead is not None:
            return CallState.DEAD
        if attempt := self.last_attempt:
            if self.requeued is not None and (attempt.delivered or 0) < self.requeued:
                return CallState.QUEUED
            return self._attempt_state(attempt)
        if self.queued is not None:
            return CallState.QUEUED
        if self.status is not None or self.client_error:
            return CallState.QUEUED if self.status == 202 else CallState.FAILED
        return self._sent_state()

    def _attempt_state(self, attempt: Attempt) -> CallState:
        if attempt.retry_scheduled is not None:
            return CallState.RETRYING
        if attempt.finished is None and attempt.acked is None:
            return CallState.DELIVERED if attempt.started is None else CallState.RUNNING
        if self.callback_is_pending:
            return CallState.CALLING_BACK
        return CallState.FAILED if attempt.has_failed else CallState.DONE

    def _sent_state(self) -> CallState:
        if self.received is not None:
            return CallState.RECEIVED
        return CallState.UNKNOWN if self.sent is None else CallState.SENT

    @property
    def status(self) -> int | None:
        """The function's last status, or where it was never asked, what the client saw."""
        if self.attempts and self.attempts[-1].status is not None:
            return self.attempts[-1].status
        return None if self.mode == "async" and self.attempts else self.accepted

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen to it, its callback included."""
        state = self.state
        if not state.is_final or state is CallState.CANCELLED:
            return state.is_final
        if self.mode == "async" and self.attempts:
            return self.acked is not None and not self.callback_is_pending
        return True

    @property
    def is_answered(self) -> bool:
        """Whether the function's last word is known, or that there will be none; callbacks may follow.

        A failure is no last word before the queue-worker has said what follows from it.
        """
        final = (CallState.DONE, CallState.CALLING_BACK, CallState.DEAD, CallState.CANCELLED)
        return self.is_settled or self.state in final

    @property
    def last_attempt(self) -> Attempt | None:
        """The attempt that decides the state."""
        return self.attempts[-1] if self.attempts else None

    @property
    def process(self) -> Process | None:
        """The last attempt's process."""
        return self.attempts[-1].process if self.attempts else None

    @property
    def callback(self) -> Callback | None:
        """The last callback; redelivery or retries may have posted more."""
        return self.callbacks[-1] if self.callbacks else None

    @property
    def callback_is_pending(self) -> bool:
        """Whether a callback is on its way, or will be."""
        callback, attempt = self.callback, self.last_attempt
        if callback is None or attempt is None or callback.attempt < attempt.number:
            return False  # or of an attempt whose worker is no more
        # One that failed is put off or given up in the next moment.
        undecided = callback.has_failed and self.acked is None and self.callback_dead is None
        return callback.answered is None or undecided or self.callback_is_put_off

    @property
    def callback_is_put_off(self) -> bool:
        """Whether a callback that failed will be tried again."""
        callback = self.callback
        if callback is None or callback.retry_scheduled is None:
            return False
        return self.callback_dead is None or self.callback_dead < callback.retry_scheduled

    @property
    def asked(self) -> int | None:
        """When the client sent it; of a client that keeps no record, when the gateway got it."""
        return self.received if self.sent is None else self.sent

    @property
    def released(self) -> int | None:
        """When the client had its answer; of one that keeps no record, when the gateway gave it."""
        return self.replied if self.sent is None else self.answered

    @property
    def delivered(self) -> int | None:
        """When a queue-worker first took it."""
        return self.attempts[0].delivered if self.attempts else None

    @property
    def started(self) -> int | None:
        """When the function was first asked."""
        return self.attempts[0].started if self.attempts else None

    @property
    def finished(self) -> int | None:
        """When the last attempt was over; None while one runs or is scheduled."""
        attempt = self.last_attempt
        return None if attempt is None or attempt.retry_scheduled is not None else attempt.finished

    @property
    def ended(self) -> int | None:
        """When the function's part was over: finished, given up, taken back or refused."""
        match self.state:
            case CallState.CANCELLED:
                return self.cancelled
            case CallState.DEAD:
                return self.dead
            case CallState.FAILED if self.finished is None:
                return self.released
            case CallState.DONE if self.finished is None:
                return self.acked
            case _:
                return self.finished

    @property
    def acked(self) -> int | None:
        """When the queue was told that it is dealt with."""
        return self.attempts[-1].acked if self.attempts else None

    @property
    def client_waited(self) -> float | None:
        """Seconds until the client had its answer: the result (sync) or the 202 (async)."""
        return seconds_between(self.asked, self.released)

    @property
    def waited_in_queue(self) -> float | None:
        """Seconds from stored in the stream to first taken by a queue-worker.

        A free worker may have it before the gateway has heard that it is stored:
        then it did not wait.
        """
        seconds = seconds_between(self.queued, self.delivered)
        return None if seconds is None else max(0.0, seconds)

    @property
    def ran(self) -> float | None:
        """Seconds that the function worked on it, all its finished attempts together."""
        spells = [attempt.ran for attempt in self.attempts if attempt.ran is not None]
        return sum(spells) if spells else None

    @property
    def end_to_end(self) -> float | None:
        """Seconds until the result was where it belongs.

        That is with the client (sync), at the callback's receiver (async with
        a callback), or finished (async without one). OpenFaaS's
        ``X-Duration-Seconds`` leaves out the time in the queue; this does not.
        """
        if self.mode == "sync":
            return self.client_waited
        return seconds_between(self.asked, self.callback.answered if self.callback else self.finished)
