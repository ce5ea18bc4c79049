"""The spans of a call: which lane, which kind, from when to when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from call_events import BEGIN, SECOND, accepted, attempt, event, reduced, retry, sync_call
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit_services.call_record.spans import Kind, Lane, Span, spans
from labkit_services.contract.events import Event, EventType

WORKER = {"service": "queue-worker"}


def delivered(at: float, number: int, seq: int = 1) -> list[Event]:
    """Return the begin of an attempt whose end is never reported."""
    return [
        event(at, EventType.DELIVERY_RECEIVED, attempt=number, queue="faas-request", seq=seq, **WORKER),
        event(at + 0.001, EventType.INVOCATION_STARTED, attempt=number, **WORKER),
    ]


def callback(at: float, end: float, number: int = 1, **answer: object) -> list[Event]:
    return [
        event(at, EventType.CALLBACK_SENT, attempt=number, url="http://127.0.0.1:9/", **WORKER),
        event(end, EventType.CALLBACK_ANSWERED, attempt=number, **WORKER, **answer),
    ]


WORKER_KILLED = [
    *accepted(),
    *delivered(0.1, 1),
    event(0.11, EventType.PROCESS_STARTED, service="watchdog", pid=7),
    event(0.5, EventType.CALL_ANSWERED, error="the caller disconnected"),
    event(0.51, EventType.PROCESS_EXITED, service="watchdog", pid=7, code=-9),
]

TABLE: dict[str, tuple[list[Event], list[tuple[str, str, float, float | None]]]] = {
    "a synchronous call": (
        sync_call(),
        [
            ("client", "waits", 0, 1),
            ("gateway", "forwards", 0.001, 0.9985),
            ("function", "works", 0.002, 0.998),
        ],
    ),
    "an asynchronous call": (
        [*accepted(), *attempt("c1", 0.1, 1.0)],
        [
            ("client", "waits", 0, 0.003),
            ("gateway", "accepts", 0.0005, 0.0021),
            ("queue", "queued", 0.002, 0.1),
            ("function", "works", 0.102, 1.098),
        ],
    ),
    "a call in the queue": (accepted(), [("queue", "queued", 0.002, None)]),
    "a running call": ([*accepted(), *delivered(0.1, 1)], [("function", "works", 0.101, None)]),
    "a retried call": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
            retry("c1", 1.2, 1, 2.0),
            *delivered(4, 2),
        ],
        [
            ("queue", "queued", 0.002, 0.1),
            ("queue", "backoff", 1.2, 3.2),
            ("queue", "queued", 3.2, 4),
            ("function", "fails", 0.102, 1.098),
            ("function", "works", 4.001, None),
        ],
    ),
    "a call that waits for its retry": (
        [*accepted(), *attempt("c1", 0.1, 1.0, 1, 500, acked=False), retry("c1", 1.2, 1, 2.0)],
        [("queue", "queued", 0.002, 0.1), ("queue", "backoff", 1.2, None)],
    ),
    "a dead letter": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
            event(1.3, EventType.DELIVERY_DEAD, reason="status 500 after 1 attempt", **WORKER),
        ],
        [("queue", "queued", 0.002, 0.1), ("queue", "dead", 1.3, 1.3), ("function", "fails", 0.102, 1.098)],
    ),
    "a redriven dead letter": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
            event(1.3, EventType.DELIVERY_DEAD, reason="status 500 after 1 attempt", **WORKER),
            event(5, EventType.CALL_QUEUED, queue="faas-request", seq=2),
            *delivered(6, 2, seq=2),
        ],
        [
            ("queue", "queued", 0.002, 0.1),
            ("queue", "dead", 1.3, 1.3),
            ("queue", "queued", 5, 6),
            ("function", "fails", 0.102, 1.098),
            ("function", "works", 6.001, None),
        ],
    ),
    "a redriven call that was not delivered yet": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
            event(1.3, EventType.DELIVERY_DEAD, reason="status 500 after 1 attempt", **WORKER),
            event(5, EventType.CALL_QUEUED, queue="faas-request", seq=2),
        ],
        [("queue", "queued", 0.002, 0.1), ("queue", "dead", 1.3, 1.3), ("queue", "queued", 5, None)],
    ),
    "a call whose worker was killed": (
        WORKER_KILLED,
        [("queue", "queued", 0.002, 0.1), ("queue", "lease", 0.5, None), ("function", "lost", 0.11, 0.5)],
    ),
    "a redelivered call": (
        [*WORKER_KILLED, *delivered(3, 2)],
        [
            ("queue", "queued", 0.002, 0.1),
            ("queue", "lease", 0.5, 3),
            ("function", "lost", 0.11, 0.5),
            ("function", "works", 3.001, None),
        ],
    ),
    "a call cancelled in the queue": (
        [*accepted(), event(0.5, EventType.CALL_CANCELLED)],
        [("queue", "queued", 0.002, 0.5), ("queue", "cancelled", 0.5, 0.5)],
    ),
    "a call cancelled while it ran": (
        [
            *accepted(),
            *delivered(0.1, 1),
            event(0.11, EventType.PROCESS_STARTED, service="watchdog", pid=7),
            event(0.5, EventType.CALL_CANCELLED),
            event(0.51, EventType.CALL_ANSWERED, error="the caller disconnected"),
            event(0.52, EventType.PROCESS_EXITED, service="watchdog", pid=7, code=-9),
        ],
        [("queue", "queued", 0.002, 0.1), ("function", "cancelled", 0.11, 0.52)],
    ),
    "a call cancelled while it waited for its retry": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, 1, 500, acked=False),
            retry("c1", 1.2, 1, 2.0),
            event(2, EventType.CALL_CANCELLED),
        ],
        [
            ("queue", "queued", 0.002, 0.1),
            ("queue", "backoff", 1.2, 2),
            ("queue", "cancelled", 2, 2),
            ("function", "fails", 0.102, 1.098),
        ],
    ),
    "a callback that is retried": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, acked=False),
            *callback(1.2, 1.3, status=503),
            event(1.31, EventType.CALLBACK_RETRY, delay=1, **WORKER),
            *callback(2.4, 2.5, status=200),
        ],
        [
            ("callback", "callback_fails", 1.2, 1.3),
            ("callback", "backoff", 1.31, 2.4),
            ("callback", "calls_back", 2.4, 2.5),
        ],
    ),
    "a callback that is refused": (
        [*accepted(), *attempt("c1", 0.1, 1.0, acked=False), *callback(1.2, 1.3, status=404, refused=True)],
        [("callback", "callback_fails", 1.2, 1.3)],
    ),
    "a callback that is held": (
        [*accepted(), *attempt("c1", 0.1, 1.0, acked=False), *callback(1.2, 1.3, status=200)[:1]],
        [("callback", "calls_back", 1.2, None)],
    ),
    "a dead callback": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, acked=False),
            *callback(1.2, 1.3, error="connection refused"),
            event(1.4, EventType.CALLBACK_DEAD, reason="no answer after 1 try", **WORKER),
        ],
        [("callback", "callback_fails", 1.2, 1.3), ("callback", "dead", 1.4, 1.4)],
    ),
    "a captured callback": (
        [
            *accepted(),
            *attempt("c1", 0.1, 1.0, acked=False),
            *callback(1.2, 1.3, status=200),
            event(1.25, EventType.REQUEST_CAPTURED, service="inspector", bin="x", request="r", bytes=1),
        ],
        [("callback", "calls_back", 1.2, 1.3), ("callback", "captured", 1.25, 1.25)],
    ),
    "an unknown function": (
        [
            *accepted(),
            *delivered(0.1, 1),
            event(
                0.2, EventType.INVOCATION_FINISHED, status=404, platform="proxy", text="not found", **WORKER
            ),
        ],
        [("queue", "queued", 0.002, 0.1), ("function", "fails", 0.101, 0.2)],
    ),
    "a client that is gone": (
        [
            event(0, EventType.CLIENT_SENT, service="client", mode="sync"),
            event(0.001, EventType.CALL_RECEIVED, mode="sync"),
            event(0.002, EventType.CALL_FORWARDED, replica="r"),
            event(0.4, EventType.CLIENT_ANSWERED, service="client", error="timed out"),
            event(0.41, EventType.CALL_ANSWERED, error="the caller disconnected"),
        ],
        [
            ("client", "waits", 0, 0.4),
            ("gateway", "forwards", 0.001, 0.41),
            ("function", "fails", 0.002, 0.41),
        ],
    ),
    "a client that left without a word": (
        [
            event(0, EventType.CLIENT_SENT, service="client", mode="sync"),
            event(0.001, EventType.CALL_RECEIVED, mode="sync"),
            event(0.002, EventType.CALL_FORWARDED, replica="r"),
            event(0.41, EventType.CALL_ANSWERED, error="the caller disconnected"),
        ],
        [
            ("client", "waits", 0, 0.41),
            ("gateway", "forwards", 0.001, 0.41),
            ("function", "fails", 0.002, 0.41),
        ],
    ),
}


def shown(span: Span) -> tuple[str, str, float, float | None]:
    end = None if span.end_ns is None else round((span.end_ns - BEGIN) / SECOND, 4)
    return span.lane.value, span.kind.value, round((span.start_ns - BEGIN) / SECOND, 4), end


@pytest.mark.parametrize("case", TABLE)
def test_the_spans_of(case: str) -> None:
    events, expected = TABLE[case]

    found = [shown(span) for span in spans(reduced(*events))]

    lanes = {lane for lane, *_ in expected}
    assert [span for span in found if span[0] in lanes] == expected


def test_a_retry_whose_delay_is_over_waits_for_a_free_worker() -> None:
    events, _ = TABLE["a call that waits for its retry"]

    found = spans(reduced(*events), BEGIN + 10 * SECOND)

    queue = [shown(span)[1:] for span in found if span.lane is Lane.QUEUE][1:]
    assert queue == [("backoff", 1.2, 3.2), ("queued", 3.2, None)]


TYPES = [type_ for type_ in EventType if not type_.startswith(("service", "fault"))]
EVENTS = st.lists(
    st.builds(
        lambda at, type_, number, seq, number_of_worker, data: event(
            at, type_, attempt=number, service=f"s{number_of_worker}", seq=seq, pid=number_of_worker, **data
        ),
        st.floats(0, 10).map(lambda at: round(at, 3)),
        st.sampled_from(TYPES),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(1, 2),
        st.fixed_dictionaries(
            {},
            optional={
                "status": st.sampled_from([200, 202, 404, 500, 503]),
                "error": st.sampled_from(["", "the caller disconnected"]),
                "delay": st.floats(0, 5),
                "mode": st.sampled_from(["sync", "async"]),
                "queue": st.just("faas-request"),
                "code": st.integers(-9, 1),
                "refused": st.booleans(),
            },
        ),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=1000, deadline=None)
@given(EVENTS, st.one_of(st.none(), st.integers(0, 20)))
def test_spans_of_a_lane_never_overlap_and_none_is_negative(events: list[Event], now: int | None) -> None:
    found = spans(reduced(*events), None if now is None else BEGIN + now * SECOND)

    assert all(span.end_ns is None or span.end_ns >= span.start_ns for span in found)
    assert all(span.end_ns == span.start_ns for span in found if span.is_mark)
    assert {span.kind for span in found if span.is_mark} <= {Kind.CAPTURED, Kind.DEAD, Kind.CANCELLED}
    for lane in Lane:
        periods = [span for span in found if span.lane is lane and not span.is_mark]
        for before, after in pairwise(periods):
            assert before.end_ns is not None, (before, after)
            assert before.end_ns <= after.start_ns, (before, after)
