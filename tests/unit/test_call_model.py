"""What a call may live through, as a model: retries, death, redrive, cancel, callbacks.

hypothesis walks through the machine at random. At every step the record, reduced from the events
that the services would have published, must tell the state that the model is in; in whatever order
the events came in.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from labkit_services.call_record.call import CallState
from labkit_services.call_record.reducer import read_call, reduce_call
from labkit_services.contract.events import Event, EventType
from labkit_services.http import Headers
from labkit_services.queue_worker.retry import Again, Exhausted, RetryPolicy, Settled, decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GATEWAY, WORKER = "gateway", "queue-worker"
ANSWERS = st.sampled_from([200, 204, 302, 400, 404, 408, 429, 500, 502, 503])


class CallLife(RuleBasedStateMachine):
    """One asynchronous call with a callback, and the worker's rules."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.clock = 0
        self.state = CallState.QUEUED
        self.before = 0  # attempts before it was last put into the queue
        self.count = 0  # deliveries since then
        self.answered = 0
        self.tries = 0  # of the callback
        self.cancelled = False

    @initialize(attempts=st.integers(1, 4), callback_attempts=st.integers(1, 3), has_callback=st.booleans())
    def accept(self, attempts: int, callback_attempts: int, has_callback: bool) -> None:
        self.policy = RetryPolicy(attempts=attempts, min_wait=0.01, max_wait=1.0)
        self.callback_policy = RetryPolicy(attempts=callback_attempts, min_wait=0.01, max_wait=1.0)
        self.has_callback = has_callback
        self._emit(GATEWAY, EventType.CALL_RECEIVED, mode="async")
        self._queue()

    # -- what may happen

    @precondition(lambda self: self.state in (CallState.QUEUED, CallState.RETRYING))
    @rule()
    def deliver(self) -> None:
        self.count += 1
        self._emit(WORKER, EventType.DELIVERY_RECEIVED, queue="q", seq=1)
        self.state = CallState.DELIVERED

    @precondition(lambda self: self.state is CallState.DELIVERED)
    @rule()
    def start(self) -> None:
        self._emit(WORKER, EventType.INVOCATION_STARTED)
        self.state = CallState.RUNNING

    @precondition(lambda self: self.state in (CallState.DELIVERED, CallState.RUNNING))
    @rule()
    def worker_dies(self) -> None:
        """The lease runs out and the call is delivered again: no event tells of it."""
        self.deliver()

    @precondition(lambda self: self.state is CallState.RUNNING)
    @rule(status=ANSWERS)
    def answer(self, status: int) -> None:
        self.answered = status
        self._emit(WORKER, EventType.INVOCATION_FINISHED, status=status, bytes=1)
        match decide(self.policy, self.count, status, Headers(), random.Random(0), NOW):
            case Again(delay):
                assert self.count < self.policy.attempts
                self._emit(WORKER, EventType.RETRY_SCHEDULED, delay=delay)
                self.state = CallState.RETRYING
            case Exhausted(reason):
                assert self.count >= self.policy.attempts
                self._emit(WORKER, EventType.DELIVERY_DEAD, reason=reason)
                self.state = CallState.DEAD
                self._call_back_or_acknowledge()
            case Settled():
                assert status not in self.policy.codes
                self.state = CallState.DONE if status < 400 else CallState.FAILED
                self._call_back_or_acknowledge()

    @precondition(lambda self: self._callback_is_on_its_way())
    @rule(status=ANSWERS)
    def target_answers(self, status: int) -> None:
        self._emit(WORKER, EventType.CALLBACK_ANSWERED, status=status)
        match decide(self.callback_policy, self.tries, status, Headers(), random.Random(0), NOW):
            case Again(delay):
                self._emit(WORKER, EventType.CALLBACK_RETRY, delay=delay)
                self.callback = "put off"
            case Exhausted(reason):
                self._emit(WORKER, EventType.CALLBACK_DEAD, reason=reason)
                self.callback = "dead"
            case Settled():
                self.callback = "arrived"
        self._acknowledge()

    @precondition(lambda self: getattr(self, "callback", "") == "put off")
    @rule()
    def call_back_again(self) -> None:
        self.tries += 1
        self._emit(WORKER, EventType.CALLBACK_SENT, url="http://target/")
        self.callback = "sent"

    @precondition(lambda self: getattr(self, "callback", "") == "dead" and self.acknowledged)
    @rule()
    def put_the_callback_back(self) -> None:
        self.tries = 0
        self._emit(GATEWAY, EventType.CALLBACK_RETRY, delay=0.0)
        self.callback = "put off"

    @precondition(
        lambda self: self.state is CallState.DEAD and self.acknowledged and self.callback in ("", "arrived")
    )
    @rule()
    def put_back(self) -> None:
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
    def an_event_is_heard_twice(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(self.events))
        call = read_call("c", self.events)
        assert reduce_call(call, event) is call

    # -- what must hold

    @invariant()
    def the_record_tells_the_state(self) -> None:
        if not self.events:
            return
        call = read_call("c", self.events)
        expected = self.state
        if self._callback_is_on_its_way() and expected in (CallState.DONE, CallState.FAILED):
            expected = CallState.CALLING_BACK
        assert call.state is expected, call.events

    @invariant()
    def it_is_settled_exactly_when_nothing_more_will_happen(self) -> None:
        if not self.events:
            return
        over = self.state.is_final and (
            self.state is CallState.CANCELLED or (self.acknowledged and not self._callback_is_on_its_way())
        )
        assert read_call("c", self.events).is_settled == over

    @invariant()
    def attempts_are_numbered_on(self) -> None:
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

    # -- inside

    def _callback_is_on_its_way(self) -> bool:
        return getattr(self, "callback", "") in ("sent", "put off")

    def _queue(self) -> None:
        self._emit(GATEWAY, EventType.CALL_QUEUED, queue="q", seq=1, bytes=1)
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


# Derandomized: a red run can be repeated, and a green one is not luck.
CallLife.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # the machine may be busy
)
TestCallLife = CallLife.TestCase
