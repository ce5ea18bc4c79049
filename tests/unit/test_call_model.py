"""A model of a call: retries, dead letters, redrive, cancellation, callbacks.

hypothesis walks through the state machine at random. At every step the call, reduced from the events
that the services would have published in any order, must have the state of the model.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

from call_events import reduce_call
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labkit_services.call_record.call import CallState
from labkit_services.call_record.reducer import read_call
from labkit_services.contract.events import Event, EventType
from labkit_services.http import Headers
from labkit_services.queue_worker.retry import Exhausted, NoRetry, Retry, RetryPolicy, decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GATEWAY, WORKER = "gateway", "queue-worker"
STATUSES = st.sampled_from([200, 204, 302, 400, 404, 408, 429, 500, 502, 503])


class CallLife(RuleBasedStateMachine):
    """One asynchronous call with a callback, under the worker's rules."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.clock = 0
        self.state = CallState.QUEUED
        self.before = 0  # attempts before it was last queued
        self.count = 0  # deliveries since then
        self.tries = 0  # of the callback

    @initialize(attempts=st.integers(1, 4), callback_attempts=st.integers(1, 3), has_callback=st.booleans())
    def accept(self, attempts: int, callback_attempts: int, has_callback: bool) -> None:
        self.policy = RetryPolicy(attempts=attempts, min_wait=0.01, max_wait=1.0)
        self.callback_policy = RetryPolicy(attempts=callback_attempts, min_wait=0.01, max_wait=1.0)
        self.has_callback = has_callback
        self._emit(GATEWAY, EventType.CALL_RECEIVED, mode="async")
        self._queue()

    # -- transitions

    @precondition(lambda self: self.state in (CallState.QUEUED, CallState.RETRYING))
    @rule()
    def deliver(self) -> None:
        self.count += 1
        self._emit(WORKER, EventType.DELIVERY_RECEIVED, queue="q", seq=self.seq)
        self.state = CallState.DELIVERED

    @precondition(lambda self: self.state is CallState.DELIVERED)
    @rule()
    def start(self) -> None:
        self._emit(WORKER, EventType.INVOCATION_STARTED)
        self.state = CallState.RUNNING

    @precondition(lambda self: self.state in (CallState.DELIVERED, CallState.RUNNING))
    @rule()
    def worker_dies(self) -> None:
        """The lease runs out and the call is redelivered, without an event."""
        self.deliver()

    @precondition(lambda self: self.state is CallState.RUNNING)
    @rule(status=STATUSES)
    def function_responds(self, status: int) -> None:
        self._emit(WORKER, EventType.INVOCATION_FINISHED, status=status, bytes=1)
        match decide(self.policy, self.count, status, Headers(), random.Random(0), NOW):
            case Retry(delay):
                assert self.count < self.policy.attempts
                self._emit(WORKER, EventType.RETRY_SCHEDULED, delay=delay)
                self.state = CallState.RETRYING
            case Exhausted(reason):
                assert self.count >= self.policy.attempts
                self._emit(WORKER, EventType.DELIVERY_DEAD, reason=reason)
                self.state = CallState.DEAD
                self._call_back_or_acknowledge()
            case NoRetry():
                assert status not in self.policy.codes
                self.state = CallState.DONE if status < 400 else CallState.FAILED
                self._call_back_or_acknowledge()

    @precondition(lambda self: self._callback_is_pending())
    @rule(status=STATUSES)
    def target_responds(self, status: int) -> None:
        self._emit(WORKER, EventType.CALLBACK_ANSWERED, status=status)
        match decide(self.callback_policy, self.tries, status, Headers(), random.Random(0), NOW):
            case Retry(delay):
                self._emit(WORKER, EventType.CALLBACK_RETRY, delay=delay)
                self.callback = "scheduled"
            case Exhausted(reason):
                self._emit(WORKER, EventType.CALLBACK_DEAD, reason=reason)
                self.callback = "dead"
            case NoRetry():
                self.callback = "arrived"
        self._acknowledge()

    @precondition(lambda self: getattr(self, "callback", "") == "scheduled")
    @rule()
    def retry_callback(self) -> None:
        self.tries += 1
        self._emit(WORKER, EventType.CALLBACK_SENT, url="http://target/")
        self.callback = "sent"

    @precondition(lambda self: getattr(self, "callback", "") == "dead" and self.acknowledged)
    @rule()
    def redrive_callback(self) -> None:
        self.tries = 0
        self._emit(GATEWAY, EventType.CALLBACK_RETRY, delay=0.0)
        self.callback = "scheduled"

    @precondition(
        lambda self: self.state is CallState.DEAD and self.acknowledged and self.callback in ("", "arrived")
    )
    @rule()
    def redrive(self) -> None:
        self.before += self.count
        self.count = 0
        self._queue()

    @precondition(
        lambda self: (
            self.state in (CallState.QUEUED, CallState.DELIVERED, CallState.RUNNING, CallState.RETRYING)
        )
    )
    @rule()
    def cancel(self) -> None:
        self._emit(GATEWAY, EventType.CALL_CANCELLED)
        self.state = CallState.CANCELLED

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def an_event_arrives_twice(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.events))
        call = read_call("c", self.events)
        assert reduce_call(call, event) is call

    # -- invariants

    @invariant()
    def the_state_is_derived_from_the_events(self) -> None:
        if not self.events:
            return
        call = read_call("c", self.events)
        expected = self.state
        if self._callback_is_pending() and expected in (CallState.DONE, CallState.FAILED):
            expected = CallState.CALLING_BACK
        assert call.state is expected, call.events

    @invariant()
    def it_is_settled_exactly_when_all_is_over(self) -> None:
        if not self.events:
            return
        over = self.state.is_final and (
            self.state is CallState.CANCELLED or (self.acknowledged and not self._callback_is_pending())
        )
        assert read_call("c", self.events).is_settled == over

    @invariant()
    def attempts_are_numbered_consecutively(self) -> None:
        if self.events:
            attempts = read_call("c", self.events).attempts
            assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
            assert len(attempts) == self.before + self.count

    def teardown(self) -> None:
        """The order of arrival does not matter."""
        shuffled = random.Random(len(self.events)).sample(self.events, len(self.events))
        call = None
        for event in shuffled:
            call = reduce_call(call, event)
        assert not self.events or call == read_call("c", self.events)

    # -- helpers

    def _callback_is_pending(self) -> bool:
        return getattr(self, "callback", "") in ("sent", "scheduled")

    def _queue(self) -> None:
        self.seq = self.before + 1  # a redriven call is another message
        self._emit(GATEWAY, EventType.CALL_QUEUED, queue="q", seq=self.seq, bytes=1)
        self.state = CallState.QUEUED
        self.callback = ""
        self.acknowledged = False

    def _call_back_or_acknowledge(self) -> None:
        if self.has_callback:
            self.tries = 1
            self._emit(WORKER, EventType.CALLBACK_SENT, url="http://target/")
            self.callback = "sent"
        else:
            self._acknowledge()

    def _acknowledge(self) -> None:
        if not self.acknowledged:
            self._emit(WORKER, EventType.DELIVERY_ACKED)
            self.acknowledged = True

    def _emit(self, service: str, type_: EventType, **data: object) -> None:
        self.clock += 1_000_000
        attempt = max(1, self.before + self.count)
        self.events.append(Event(self.clock, type_, "c", "fn", attempt, service, f"{service}-1", data))


# Derandomized: every run tests the same cases.
CallLife.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
)
TestCallLife = CallLife.TestCase
