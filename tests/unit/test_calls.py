"""Events in any order reduce to the same call, and the call describes them."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest
from call_events import (
    BEGIN,
    SECOND,
    accepted,
    async_run,
    attempt,
    event,
    reduce_call,
    reduced,
    retry,
    sync_call,
    sync_run,
    visit,
)

from labkit_services.call_record.log import CallLog, CallState
from labkit_services.call_record.spans import Kind, Lane, in_flight, queue_depth, spans
from labkit_services.contract.events import Event, EventType, decode_batch, encode_batch


def retried() -> list[Event]:
    """An async call: attempt 1 fails, attempt 2 succeeds 2 s later."""
    return [
        *accepted(),
        *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
        retry("c1", 1.1005, 1, 2.0),
        *attempt("c1", 3.2, 1.0, 2),
    ]


def called_back() -> list[Event]:
    return [
        *accepted(),
        *attempt("c1", 0.1, 1.0, acked=False),
        event(1.1, EventType.CALLBACK_SENT, service="queue-worker", url="http://127.0.0.1:8090/r/x"),
        event(1.11, EventType.REQUEST_CAPTURED, service="inspector", bin="x", request="r1", bytes=3),
        event(1.12, EventType.CALLBACK_ANSWERED, service="queue-worker", status=200),
        event(1.13, EventType.DELIVERY_ACKED, service="queue-worker"),
    ]


def dead() -> list[Event]:
    return [
        *accepted(),
        *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
        retry("c1", 1.1005, 1, 1.0),
        *attempt("c1", 2.2, 1.0, 2, 500, acked=False),
        event(3.3, EventType.DELIVERY_DEAD, attempt=2, service="queue-worker", reason="attempts used up"),
        event(3.31, EventType.DELIVERY_ACKED, attempt=2, service="queue-worker"),
    ]


SCENARIOS = {
    "sync": sync_call(),
    "async": [*accepted(), *attempt("c1", 0.1, 1.0)],
    "retried": retried(),
    "called back": called_back(),
    "dead": dead(),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_events_in_any_order_and_repetition_give_the_same_call(scenario: str) -> None:
    events = sorted(SCENARIOS[scenario], key=lambda each: each.time_ns)
    expected = reduced(*events)
    shuffle = random.Random(20261123)

    for _ in range(50):
        arrival = [*events, *shuffle.choices(events, k=5)]
        shuffle.shuffle(arrival)
        assert reduced(*arrival) == expected


def test_the_order_of_simultaneous_events_does_not_depend_on_arrival() -> None:
    events = [
        event(1, EventType.PROCESS_STARTED, pid=1, service="watchdog"),
        event(1, EventType.PROCESS_STARTED, pid=2, service="watchdog"),
        event(1, EventType.CALL_FORWARDED),
        event(1, EventType.CALL_RECEIVED, mode="sync"),
    ]

    assert reduced(*events) == reduced(*reversed(events))


def test_a_repeated_event_changes_nothing() -> None:
    call = reduced(*sync_call())

    assert reduce_call(call, call.events[2]) is call


def test_a_sync_call_has_no_time_in_a_queue() -> None:
    call = reduced(*sync_call(seconds=1.0))

    assert (call.mode, call.state, call.accepted, call.status) == ("sync", CallState.DONE, 200, 200)
    assert call.client_waited == pytest.approx(1.0)
    assert call.end_to_end == call.client_waited
    assert call.ran == pytest.approx(0.996)
    assert call.waited_in_queue is None
    assert call.is_settled
    assert call.process is not None
    assert (call.process.pid, call.process.code) == (7, 0)


def test_a_call_delivered_before_the_gateway_had_its_ack_did_not_wait() -> None:
    call = reduced(*accepted(), *attempt("c1", 0.001, 1.0))

    assert call.queued is not None
    assert call.delivered is not None
    assert call.delivered < call.queued
    assert call.waited_in_queue == 0


def test_responses_to_the_worker_are_not_responses_to_the_client() -> None:
    call = reduced(*SCENARIOS["async"])

    assert (call.mode, call.state, call.accepted, call.status) == ("async", CallState.DONE, 202, 200)
    assert call.client_waited == pytest.approx(0.003)
    assert call.waited_in_queue == pytest.approx(0.098)
    assert call.ran == pytest.approx(0.996)
    assert call.end_to_end == pytest.approx(1.1)
    assert call.replied == BEGIN + 2_100_000
    assert call.queue == "faas-request"


def test_a_call_made_with_curl_is_timed_by_the_gateway() -> None:
    events = [each for each in SCENARIOS["async"] if each.service != "client"]

    call = reduced(*events)

    assert call.accepted == 202
    assert call.client_waited == pytest.approx(0.0016)
    assert call.state is CallState.DONE


@pytest.mark.parametrize(
    ("count", "state"),
    [
        (1, CallState.SENT),
        (2, CallState.RECEIVED),
        (3, CallState.QUEUED),
        (5, CallState.QUEUED),
        (6, CallState.DELIVERED),
        (7, CallState.RUNNING),
        (12, CallState.RUNNING),
        (13, CallState.DONE),
        (14, CallState.DONE),
    ],
)
def test_the_states_of_an_async_call_follow_its_events(count: int, state: CallState) -> None:
    events = [*accepted(), *attempt("c1", 0.1, 1.0)]

    call = reduced(*events[:count])

    assert call.state is state
    assert call.is_settled == (count == 14)


def test_a_retried_call_has_two_attempts_and_both_count_as_work() -> None:
    events = retried()
    waiting = reduced(*events[:14])
    call = reduced(*events)

    assert waiting.state is CallState.RETRYING
    assert waiting.finished is None
    assert waiting.attempts[0].retry_delay == 2.0
    assert (call.state, call.status) == (CallState.DONE, 200)
    assert [each.status for each in call.attempts] == [500, 200]
    assert [each.process.pid for each in call.attempts if each.process] == [101, 102]
    assert call.ran == pytest.approx(2 * 0.996)


def test_end_to_end_includes_the_callback() -> None:
    events = called_back()
    posting = reduced(*events[:-2])
    call = reduced(*events)

    assert posting.state is CallState.CALLING_BACK
    assert call.state is CallState.DONE
    assert call.callback is not None
    assert (call.callback.url, call.callback.status) == ("http://127.0.0.1:8090/r/x", 200)
    assert call.end_to_end == pytest.approx(1.12)
    assert [capture.bin for capture in call.captured] == ["x"]


def test_each_callback_request_has_its_own_response() -> None:
    call = reduced(
        *accepted(),
        *attempt("c1", 0.1, 1.0, acked=False),
        event(1.1, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/"),
        event(1.2, EventType.CALLBACK_ANSWERED, service="queue-worker", status=503),
        event(1.3, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/"),
        event(1.4, EventType.CALLBACK_ANSWERED, service="queue-worker", error="refused"),
    )

    assert [(each.status, each.error, each.has_failed) for each in call.callbacks] == [
        (503, "", True),
        (None, "refused", True),
    ]


def test_a_success_is_answered_before_the_callback_a_failure_once_no_retry_follows() -> None:
    succeeded = [*accepted(), *attempt("c1", 0.1, 1.0)]
    failed = [*accepted(), *attempt("c1", 0.1, 1.0, status=500)]

    # All but the ack; then the worker posts the result.
    assert reduced(*succeeded[:-1]).is_answered
    assert not reduced(*failed[:-1]).is_answered
    sent = event(1.2, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/")
    assert reduced(*failed[:-1], sent).is_answered
    assert reduced(*failed).is_answered
    assert reduced(*dead()).is_answered
    retry = event(1.2, EventType.RETRY_SCHEDULED, service="queue-worker", delay=1.0)
    assert not reduced(*failed[:-1], retry).is_answered


def test_a_call_without_attempts_left_is_dead() -> None:
    call = reduced(*dead())

    assert (call.state, call.dead_reason, call.is_settled) == (CallState.DEAD, "attempts used up", True)
    assert call.ended == call.dead


def test_a_cancelled_call_is_cancelled_unless_it_had_succeeded() -> None:
    cancelled = event(0.5, EventType.CALL_CANCELLED)

    assert reduced(*accepted(), cancelled).state is CallState.CANCELLED
    assert reduced(*accepted(), *attempt("c1", 0.1, 1.0), cancelled).state is CallState.CANCELLED
    assert reduced(*accepted(), *attempt("c1", 0.1, 0.2), cancelled).state is CallState.DONE


def test_a_refused_call_has_failed() -> None:
    refused = [
        event(0, EventType.CLIENT_SENT, service="client", mode="async"),
        event(0.001, EventType.CALL_RECEIVED, mode="async"),
        event(0.002, EventType.CALL_ANSWERED, status=413),
    ]

    assert reduced(*refused).state is CallState.FAILED
    assert reduced(*refused).status == 413


def test_a_sync_call_that_timed_out_at_the_client_has_failed() -> None:
    gone = event(0.4, EventType.CLIENT_ANSWERED, service="client", error="timed out after 0.4 s")
    events = [each for each in sync_call() if each.type != EventType.CLIENT_ANSWERED]

    call = reduced(*events, gone)

    assert (call.state, call.client_error) == (CallState.FAILED, "timed out after 0.4 s")


def test_the_attempt_of_a_killed_worker_is_lost_and_the_next_one_counts() -> None:
    lost = [each for each in attempt("c1", 0.1, 1.0, acked=False) if each.type.startswith(("deliv", "invoc"))]
    call = reduced(*accepted(), *lost[:2], *attempt("c1", 5.0, 1.0, 2))

    assert call.state is CallState.DONE
    lanes = [(span.kind, span.label) for span in spans(call) if span.lane is Lane.FUNCTION]
    assert lanes == [(Kind.LOST, "attempt 1"), (Kind.WORKS, "attempt 2: 200")]


def test_a_long_lived_process_has_a_run_for_each_attempt() -> None:
    call = reduced(
        event(1, EventType.CALL_QUEUED, queue="q", seq=1, bytes=0),
        event(2, EventType.DELIVERY_RECEIVED, attempt=1, service="queue-worker"),
        event(3, EventType.PROCESS_STARTED, service="watchdog", pid=7),
        event(4, EventType.PROCESS_EXITED, service="watchdog", pid=7, code=1),
        event(5, EventType.DELIVERY_RECEIVED, attempt=2, service="queue-worker"),
        event(6, EventType.PROCESS_STARTED, service="watchdog", pid=7),
        event(8, EventType.PROCESS_EXITED, service="watchdog", pid=7, code=0),
    )

    codes = [(attempt.process.code, attempt.ran) for attempt in call.attempts if attempt.process]
    assert codes == [(1, 1.0), (0, 2.0)]


def test_incomplete_events_make_a_partial_call() -> None:
    exited = event(1, EventType.PROCESS_EXITED, service="watchdog", pid=1, code=0)
    captured = event(1, EventType.REQUEST_CAPTURED, service="inspector", bin="x", request="r")

    assert reduced(exited).state is CallState.RUNNING
    assert reduced(captured).state is CallState.UNKNOWN
    assert reduced(event(1, "call.teleported")).state is CallState.UNKNOWN
    assert reduced(*attempt("c1", 0, 1)).client_waited is None


def test_invalid_values_in_an_event_are_ignored() -> None:
    call = reduced(event(1, EventType.CALL_ANSWERED, status="many"), event(2, EventType.RETRY_SCHEDULED))

    assert call.status is None


def test_spans_follow_the_call_through_the_lanes() -> None:
    kinds = [(span.lane, span.kind) for span in spans(reduced(*called_back()))]

    assert kinds == [
        (Lane.CLIENT, Kind.WAITS),
        (Lane.GATEWAY, Kind.ACCEPTS),
        (Lane.QUEUE, Kind.QUEUED),
        (Lane.FUNCTION, Kind.WORKS),
        (Lane.CALLBACK, Kind.CALLS_BACK),
        (Lane.CALLBACK, Kind.CAPTURED),
    ]


def test_an_unfinished_span_has_no_end() -> None:
    queued = reduced(*accepted())

    assert [span.end_ns for span in spans(queued) if span.lane is Lane.QUEUE] == [None]


def test_a_call_waits_in_the_queue_for_its_retry() -> None:
    call = reduced(*retried())

    queue = [
        (span.kind, (span.end_ns or 0) - span.start_ns) for span in spans(call) if span.lane is Lane.QUEUE
    ]
    assert queue == [
        (Kind.QUEUED, pytest.approx(98_000_000)),
        (Kind.BACKOFF, pytest.approx(2_000_000_000)),
        (Kind.QUEUED, pytest.approx(99_500_000)),
    ]
    assert max(depth for _, depth in queue_depth([call])) == 1
    assert queue_depth([call])[-1] == (BEGIN + round(3.2 * SECOND), 0)


@pytest.mark.parametrize(("max_inflight", "deepest"), [(1, 9), (10, 4)])
def test_depth_and_in_flight_rise_and_fall_to_zero(max_inflight: int, deepest: int) -> None:
    log = filled(async_run(10, max_inflight))

    depth, flight = queue_depth(log.calls), in_flight(log.calls)

    assert max(count for _, count in depth) == deepest
    assert max(count for _, count in flight) == max_inflight
    assert depth[-1][1] == flight[-1][1] == 0
    assert [time for time, _ in depth] == sorted({time for time, _ in depth})


def test_sync_calls_are_in_flight_but_never_queued() -> None:
    log = filled(sync_run(3))

    assert queue_depth(log.calls) == []
    assert max(count for _, count in in_flight(log.calls)) == 1


def filled(events: list[Event], limit: int = 10_000) -> CallLog:
    log = CallLog(limit)
    for each in events:
        log.apply(each)
    return log


def test_the_log_has_the_same_calls_as_the_pure_reduction() -> None:
    events = [*sync_run(3), *async_run(5, 2)]
    random.Random(7).shuffle(events)
    log = filled(events)

    for call in log.calls:
        assert call == reduced(*(each for each in events if each.call_id == call.id))


def test_the_log_keeps_the_order_of_first_events_and_caches_calls() -> None:
    log = filled([*accepted("b"), *accepted("a")])
    before = log.get("b")
    assert log.get("b") is before

    assert log.apply(event(9, EventType.CALL_CANCELLED, "b"))

    assert not log.apply(event(9, EventType.CALL_CANCELLED, "b"))
    assert [call.id for call in log.calls] == ["b", "a"]
    assert log.calls[0].state is CallState.CANCELLED
    assert (log.get("?"), "a" in log, len(log)) == (None, True, 2)


def test_a_full_log_drops_the_oldest_call_for_good_and_counts_it() -> None:
    log = filled([each for number in range(5) for each in accepted(f"c{number}")], limit=3)

    late = log.apply(event(9, EventType.DELIVERY_RECEIVED, "c0"))

    assert [call.id for call in log.calls] == ["c2", "c3", "c4"]
    assert (late, log.dropped, log.ignored) == (False, 2, 1)
    log.clear()
    assert (len(log), log.dropped, log.ignored) == (0, 0, 0)


def test_the_events_of_one_call_id_are_limited() -> None:
    log = filled([event(number, EventType.CALL_RECEIVED, mode="sync") for number in range(1_500)])

    call = log.get("c1")
    assert call is not None
    assert (len(call.events), log.ignored) == (1_000, 500)


def test_the_events_of_the_lab_itself_belong_to_no_call() -> None:
    log = CallLog()

    assert not log.apply(event(1, EventType.FAULT_STARTED, "", fault="worker paused"))
    assert len(log) == 0


def test_decoded_events_make_the_same_call() -> None:
    events = sync_call()
    rows = [[e.time_ns, e.type, e.call_id, e.function, e.attempt, dict(e.data)] for e in events]
    received = decode_batch(encode_batch("gateway", "gateway-1", rows))

    assert reduced(*received).state is CallState.DONE
    assert reduced(*received).client_waited == reduced(*events).client_waited


def test_two_sync_calls_with_one_id_are_two_attempts() -> None:
    call = reduced(*visit(0, 1, "c1", pid=1), *visit(2, 3, "c1", pid=2, status=500))

    assert [each.status for each in call.attempts] == [200, 500]
    assert call.state is CallState.FAILED


def test_adding_an_event_is_cheap() -> None:
    """About 2 µs on an idle machine; deriving the call takes far longer."""
    events = async_run(1_000, 10)
    log = CallLog()

    begin = time.process_time()
    for each in events:
        log.apply(each)
    spent = time.process_time() - begin

    assert spent / len(events) < 50e-6


def test_a_function_that_receives_the_callback_is_not_part_of_the_call() -> None:
    """That function is reported under the call's own id."""
    callback = [
        event(
            0.99, EventType.CALLBACK_SENT, service="queue-worker", url="http://gateway:8080/function/notify"
        ),
        *visit(0.991, 3.0, "c1", status=500, pid=99),
        event(3.001, EventType.CALLBACK_ANSWERED, service="queue-worker", status=500),
        event(3.002, EventType.DELIVERY_ACKED, service="queue-worker"),
    ]
    call = reduced(*accepted(), *attempt("c1", 0.01, 0.97, acked=False), *callback)

    assert call.state is CallState.DONE
    assert call.status == 200
    assert call.ran == pytest.approx(0.97, abs=0.02)
    assert [a.process.pid for a in call.attempts if a.process] == [101]


def test_an_attempt_after_a_lost_callback_counts() -> None:
    """The worker died while posting; another one runs the call again."""
    lost = event(0.99, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/")
    call = reduced(
        *accepted(), *attempt("c1", 0.01, 0.97, acked=False), lost, *attempt("c1", 6.0, 0.5, number=2)
    )

    assert [a.process.pid for a in call.attempts if a.process] == [101, 102]
    assert call.state is CallState.DONE


def of(function: str, *events: Event) -> list[Event]:
    """Return the events as another function's."""
    return [replace(each, function=function) for each in events]


def test_calls_of_several_functions_with_one_id_are_told_apart() -> None:
    second = of("b", *accepted("c1", 2.0), *attempt("c1", 2.1, 0.5, status=500))
    events = [*accepted(), *attempt("c1", 0.1, 1.0), *second]
    random.Random(3).shuffle(events)
    log = filled(events)

    assert [(call.function, call.status) for call in log.calls] == [("long-task", 200), ("b", 500)]
    assert log.get("c1") == log.get("c1", "long-task") == log.calls[0]
    assert log.get("c1", "b.openfaas-fn") == log.calls[1]
    assert log.get("c1", "other") is None
    assert [call.function for call in log.sharing("c1")] == ["long-task", "b"]


def test_a_function_invoked_by_a_callback_shares_no_asynchronous_id() -> None:
    log = filled([*accepted(), *attempt("c1", 0.1, 1.0), *of("notify", *visit(1.2, 1.3, "c1"))])

    assert [(call.function, call.mode) for call in log.calls] == [("long-task", "async"), ("notify", "sync")]
    assert [call.function for call in log.sharing("c1")] == ["long-task"]


def test_the_functions_of_one_id_are_limited() -> None:
    log = filled([each for number in range(150) for each in of(f"f{number}", *accepted())])

    assert (len(log.calls), len(log)) == (100, 1)
    assert log.ignored == 50 * len(accepted())


def test_two_calls_of_a_function_with_one_id_are_shown_as_one_that_ends() -> None:
    def delivered(number: int, each: Event) -> Event:
        return replace(each, data={**each.data, "seq": number}) if "seq" in each.data else each

    # A free worker had the second one before the gateway knew that it was stored.
    second = [delivered(2, each) for each in [*attempt("c1", 2.0, 0.5), *accepted("c1", 2.0)]]
    running = [each for each in second if each.type != EventType.DELIVERY_ACKED][:3]
    first = [delivered(1, each) for each in [*accepted(), *attempt("c1", 0.1, 1.0)]]

    assert reduced(*first, *accepted("c1", 2.0)[:3][-1:]).state is CallState.DONE
    assert reduced(*first, *running).state is CallState.RUNNING
    call = reduced(*first, *second)
    assert (call.state, call.is_settled) == (CallState.DONE, True)
    assert [each.finished is not None for each in call.attempts] == [True, True]


def test_a_sync_call_whose_caller_disconnected_has_failed() -> None:
    events = [each for each in visit(0, 1, "c1", status=500) if each.type != EventType.CALL_ANSWERED]
    call = reduced(*events, event(1, EventType.CALL_ANSWERED, error="the caller disconnected"))

    assert (call.state, call.is_settled) == (CallState.FAILED, True)
    assert [each.error for each in call.attempts] == ["the caller disconnected"]
    cut = reduced(*events, event(1, EventType.CALL_ANSWERED, status=200, error="the caller disconnected"))
    assert cut.state is CallState.FAILED


def test_a_sync_call_whose_gateway_ended_has_failed() -> None:
    running = visit(0, 9, "c1")[:3]
    data = {"service": "gateway", "pid": 1, "code": -9}
    ended = replace(event(1, EventType.SERVICE_EXITED, ""), data=data)
    later = visit(2, 9, "c2")[:3]
    log = filled([*running, *sync_call("c0", 0.0, 0.5), ended, *later])

    states = [(call.id, call.state) for call in log.calls]
    assert states == [("c1", CallState.FAILED), ("c0", CallState.DONE), ("c2", CallState.RUNNING)]
    assert [each.error for each in log.calls[0].attempts] == ["the gateway ended"]


def test_a_retried_callback_that_failed_is_undecided_until_its_retry_or_death_is_known() -> None:
    """The call itself was acknowledged when its first callback was scheduled again."""
    answered = [
        *accepted(),
        *attempt("c1", 0.1, 1.0, acked=False),
        event(1.1, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/"),
        event(1.2, EventType.CALLBACK_ANSWERED, service="queue-worker", status=503),
        event(1.21, EventType.CALLBACK_RETRY, service="queue-worker", delay=0.1),
        event(1.3, EventType.DELIVERY_ACKED, service="queue-worker"),
        event(1.4, EventType.CALLBACK_SENT, service="queue-worker", url="http://x/"),
        event(1.5, EventType.CALLBACK_ANSWERED, service="queue-worker", status=503),
    ]
    dead = event(1.6, EventType.CALLBACK_DEAD, service="queue-worker", reason="status 503 after 2 attempts")

    assert not reduced(*answered).is_settled
    assert reduced(*answered, dead).is_settled
