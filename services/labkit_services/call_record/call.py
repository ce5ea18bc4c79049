"""The call: what is known of one request, from the client to its callback.

Times are Unix nanoseconds or None, durations are seconds or None, as in
``attempt.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from labkit_services.call_record.attempt import Attempt, ProcessRun, is_success, seconds_between
from labkit_services.call_record.callback import Callback, Capture
from labkit_services.contract.events import Event

Mode = Literal["sync", "async"]
"""``sync``: requested by ``/function/NAME``; ``async``: by
``/async-function/NAME``."""


class CallState(StrEnum):
    """The state of a call."""

    UNKNOWN = "unknown"  # only other events are known, such as a captured callback
    SENT = "sent"  # sent by the client, not yet reported by a service
    RECEIVED = "received"  # at the gateway, neither stored nor forwarded
    QUEUED = "queued"  # stored in the stream: from here on 202 Accepted is a promise
    DELIVERED = "delivered"  # at a queue-worker, the function is not yet invoked
    RUNNING = "running"  # the function runs
    RETRYING = "retrying"  # an attempt failed and the next one is scheduled
    CALLING_BACK = "calling back"  # the function has finished, the result is being delivered
    DONE = "done"  # the function succeeded
    FAILED = "failed"  # refused, or the function failed and there is no retry
    DEAD = "dead"  # no attempts are left: in the dead-letter stream
    CANCELLED = "cancelled"  # cancelled before the function had succeeded

    @property
    def is_final(self) -> bool:
        """Whether the function will not run (again)."""
        return self in _FINAL


_FINAL = frozenset({CallState.DONE, CallState.FAILED, CallState.DEAD, CallState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as its events describe it.

    Attributes:
        id: The ``X-Call-Id``.
        events: The events that all else is derived from: distinct, in time
            order; decoded each time they are read.
        function: Name without the default namespace.
        mode: None until an event shows it.
        queue: Name of the queue that stores it, or "".
        seq: Its latest sequence number in that queue's stream.
        sent: When the client sent it; None for clients that report nothing,
            such as curl.
        answered: When that client had the response, or the error.
        accepted: Status that the client received: 202 for an accepted
            asynchronous call.
        client_error: Why the client had no response, or "".
        refused_by: Who answered the client in place of the function, such as
            ``gateway``, or "".
        refusal: What it said, or "".
        received: When the gateway received the client's request.
        queued: When the stream had stored it.
        requeued: When it was last redriven from the dead letters.
        replied: When the gateway had responded to the client.
        cancelled: When the gateway cancelled it.
        dead: When it became a dead letter.
        dead_reason: Why, or "".
        callback_dead: When its callback became a dead letter.
        callback_dead_reason: Why, or "".
        attempts: The invocations of the function, by number.
        callbacks: The callback requests, in time order.
        captured: Requests with the call's id that reached a bin, in time
            order.
    """

    id: str
    events: Sequence[Event] = ()
    function: str = ""
    mode: Mode | None = None
    queue: str = ""
    seq: int | None = None
    sent: int | None = None
    answered: int | None = None
    accepted: int | None = None
    client_error: str = ""
    refused_by: str = ""
    refusal: str = ""
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
        """The state of the call."""
        # Cancelling a call that had succeeded changed nothing.
        if self.cancelled is not None and not self._succeeded_before(self.cancelled):
            return CallState.CANCELLED
        if self.mode == "async":
            return self._asynchronous_state()
        if self.replied is not None or self.answered is not None:
            lost = self.client_error or (self.attempts and self.attempts[-1].error)
            succeeded = is_success(self.status) and not lost
            return CallState.DONE if succeeded else CallState.FAILED
        return CallState.RUNNING if self.attempts else self._sent_state()

    def _succeeded_before(self, time: int) -> bool:
        finished = self.finished
        return finished is not None and finished <= time and is_success(self.status)

    def _asynchronous_state(self) -> CallState:
        if self.dead is not None:
            return CallState.DEAD
        if attempt := self.last_attempt:
            if self._waits_again(attempt):
                return CallState.QUEUED
            return self._attempt_state(attempt)
        if self.queued is not None:
            return CallState.QUEUED
        if self.status is not None or self.client_error:
            return CallState.QUEUED if self.status == 202 else CallState.FAILED
        return self._sent_state()

    def _waits_again(self, attempt: Attempt) -> bool:
        """Whether it was queued again and that message is not delivered."""
        if self.requeued is None or (attempt.seq is not None and attempt.seq == self.seq):
            return False
        return (attempt.delivered or 0) < self.requeued

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

    def without_gateway(self, exited: int) -> Call:
        """Return the call, failed if the gateway's process ended within it.

        A synchronous call lives in that process: nothing else reports its end.
        """
        last = self.attempts[-1] if self.attempts else Attempt(1)
        begun = self.received if self.received is not None else last.started
        if self.mode != "sync" or self.state.is_final or begun is None or begun > exited:
            return self
        lost = replace(last, finished=exited, error="the gateway ended")
        return replace(self, replied=exited, attempts=(*self.attempts[:-1], lost))

    @property
    def status(self) -> int | None:
        """The function's last status, or if never invoked, the client's."""
        if self.attempts and self.attempts[-1].status is not None:
            return self.attempts[-1].status
        return None if self.mode == "async" and self.attempts else self.accepted

    @property
    def is_settled(self) -> bool:
        """Whether all is over, the callback included."""
        state = self.state
        if not state.is_final or state is CallState.CANCELLED:
            return state.is_final
        if self.mode == "async" and self.attempts:
            return self.acked is not None and not self.callback_is_pending
        return True

    @property
    def is_answered(self) -> bool:
        """Whether the function's last response, or its absence, is known.

        Callbacks may follow. A failure counts only when the queue-worker has
        decided against a retry.
        """
        final = (CallState.DONE, CallState.CALLING_BACK, CallState.DEAD, CallState.CANCELLED)
        return self.is_settled or self.state in final

    @property
    def last_attempt(self) -> Attempt | None:
        """The attempt that determines the state."""
        return self.attempts[-1] if self.attempts else None

    @property
    def process(self) -> ProcessRun | None:
        """The process of the last attempt."""
        return self.attempts[-1].process if self.attempts else None

    @property
    def callback(self) -> Callback | None:
        """The last of the callback requests."""
        return self.callbacks[-1] if self.callbacks else None

    @property
    def callback_is_pending(self) -> bool:
        """Whether a callback request runs or will be sent."""
        callback, attempt = self.callback, self.last_attempt
        if callback is None or attempt is None or callback.attempt < attempt.number:
            return False  # its worker died, and the call was delivered again
        # Whether a failed one is retried or dead-lettered is decided in the
        # next moment, and its event follows.
        is_decided = callback.refused or (self.acked is not None and (callback.sent or 0) <= self.acked)
        undecided = callback.has_failed and not is_decided and self.callback_dead is None
        return callback.answered is None or undecided or self.callback_will_be_retried

    @property
    def callback_will_be_retried(self) -> bool:
        """Whether a retry of a failed callback is scheduled."""
        callback = self.callback
        if callback is None or callback.retry_scheduled is None:
            return False
        return self.callback_dead is None or self.callback_dead < callback.retry_scheduled

    @property
    def asked(self) -> int | None:
        """When the client sent it, or the gateway received it."""
        return self.received if self.sent is None else self.sent

    @property
    def released(self) -> int | None:
        """When the client had the response, or the gateway sent it."""
        return self.replied if self.sent is None else self.answered

    @property
    def delivered(self) -> int | None:
        """When a queue-worker first received it."""
        return self.attempts[0].delivered if self.attempts else None

    @property
    def started(self) -> int | None:
        """When the function was first invoked."""
        return self.attempts[0].started if self.attempts else None

    @property
    def finished(self) -> int | None:
        """When the last attempt ended; None while one runs or is scheduled."""
        attempt = self.last_attempt
        return None if attempt is None or attempt.retry_scheduled is not None else attempt.finished

    @property
    def ended(self) -> int | None:
        """When the call finished, was dead-lettered, cancelled or refused."""
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
    def redeliveries(self) -> int:
        """How often the broker delivered it again after a lost attempt."""
        return sum(
            later.seq == attempt.seq and attempt.finished is None and attempt.retry_scheduled is None
            for attempt, later in pairwise(self.attempts)
            if self.mode == "async"
        )

    @property
    def acked(self) -> int | None:
        """When it was acknowledged."""
        return self.attempts[-1].acked if self.attempts else None

    @property
    def client_waited(self) -> float | None:
        """Seconds until the client had the result (sync) or 202 (async)."""
        return seconds_between(self.asked, self.released)

    @property
    def waited_in_queue(self) -> float | None:
        """Seconds from its storage in the stream to its first delivery.

        0 if a free worker had it even before the gateway knew that it was
        stored.
        """
        seconds = seconds_between(self.queued, self.delivered)
        return None if seconds is None else max(0.0, seconds)

    @property
    def ran(self) -> float | None:
        """Seconds that the function worked, in all finished attempts."""
        durations = [attempt.ran for attempt in self.attempts if attempt.ran is not None]
        return sum(durations) if durations else None

    @property
    def end_to_end(self) -> float | None:
        """Seconds until the result had reached its receiver.

        That is the client (sync) or the target of the callback (async);
        without a callback, until the function had finished. Unlike OpenFaaS's
        ``X-Duration-Seconds`` this includes the time in the queue.
        """
        if self.mode == "sync":
            return self.client_waited
        return seconds_between(self.asked, self.callback.answered if self.callback else self.finished)
