"""The inspector's index of calls: counts, queues, and what it costs."""

from __future__ import annotations

import asyncio
import time

from call_events import BEGIN, SECOND, accepted, async_run, attempt, event, retry, sync_call
from test_spans import WORKER_KILLED

from labkit_services.call_record.call_index import CallIndex
from labkit_services.call_record.log import CallLog
from labkit_services.contract.events import Event, EventType
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.call_query import CallQuery, select_calls
from labkit_services.inspector.calls.call_stream import CallStream, encode_event

LATE = BEGIN + 1000 * SECOND


def filled(index: CallIndex) -> CallIndex:
    while index.is_stale:
        index.refresh(100)
    return index


def test_a_call_that_waits_for_the_lease_of_a_lost_attempt_is_not_in_flight() -> None:
    index = CallIndex()
    index.apply(WORKER_KILLED)
    filled(index)
    assert (index.counted()["in_flight"], index.counted()["retrying"]) == (0, 1)


def test_calls_are_counted_by_group() -> None:
    index = CallIndex()
    index.apply(sync_call("ok"))
    index.apply(sync_call("bad", status=500))
    index.apply(accepted("waiting"))
    index.apply([*accepted("again"), *attempt("again", 1, 1, 1, 500, acked=False), retry("again", 2.1, 1, 5)])
    filled(index)

    counts = {name: count for name, count in index.counted().items() if count}
    assert counts == {"accepted": 2, "queued": 1, "done": 1, "failed": 1, "retrying": 1}

    index.apply(attempt("waiting", 1, 1))
    (changed,) = index.refresh(10)
    assert changed.call.id == "waiting"
    assert (index.counted()["queued"], index.counted()["done"]) == (0, 2)
    assert index.refresh(10) == []


def test_a_queued_call_knows_how_many_are_before_it() -> None:
    index = CallIndex()
    for number in range(5):
        index.apply(accepted(f"c{number}", number))
    filled(index)

    def ahead(call_id: str) -> int | None:
        call = index.log.get(call_id)
        assert call is not None
        return index.surroundings(call, LATE).ahead

    assert [ahead(f"c{number}") for number in range(5)] == [0, 1, 2, 3, 4]
    index.apply(attempt("c0", 6, 1))
    filled(index)
    assert ahead("c4") == 3


def test_a_long_run_is_compared_with_the_usual_ones() -> None:
    index = CallIndex()
    index.apply(async_run(10, 1))
    index.apply([*accepted("long", 20), *attempt("long", 21, 1)[:2]])
    filled(index)
    call = index.log.get("long")
    assert call is not None

    assert index.to_json(call, BEGIN + 22 * SECOND)["outcome"]["code"] == "running"
    assert index.to_json(call, BEGIN + 60 * SECOND)["outcome"]["code"] == "running_long"


def lab_event(at: float, type_: EventType, **data: str) -> Event:
    return Event(BEGIN + round(at * SECOND), type_.value, service="supervisor", data=data)


def test_a_paused_worker_holds_the_queue_only_if_there_is_no_other() -> None:
    index = CallIndex()
    pause = {"fault": "pause", "service": "queue-worker"}
    index.apply([*accepted(), lab_event(1, EventType.FAULT_STARTED, **pause)])
    filled(index)
    call = index.log.get("c1")
    assert call is not None

    assert index.surroundings(call, LATE).worker == "paused"
    index.apply([lab_event(2, EventType.SERVICE_STARTED, service="queue-worker-2")])
    assert index.surroundings(call, LATE).worker == ""
    index.apply([lab_event(3, EventType.SERVICE_EXITED, service="queue-worker-2")])
    assert index.surroundings(call, LATE).worker == "paused"
    index.apply([lab_event(4, EventType.FAULT_ENDED, **pause)])
    assert index.surroundings(call, LATE).worker == ""
    assert index.faults()[0]["end"] == BEGIN / 1e9 + 4


def test_dropped_calls_leave_the_index() -> None:
    index = CallIndex(CallLog(10))
    for number in range(30):
        index.apply(sync_call(f"c{number}", number))
        filled(index)

    assert len(list(index)) == 10
    assert index.counted()["done"] == 10
    assert index.log.dropped == 20


def test_pages_of_a_list_follow_one_another() -> None:
    index = CallIndex()
    for number in range(25):
        index.apply(sync_call(f"c{number}", number))
    filled(index)

    found, cursor = [], ""
    while True:
        page = select_calls(index, CallQuery.parse(f"limit=10&after={cursor}"))
        found += [entry.call.id for entry in page.calls]
        if page.next is None:
            break
        cursor = page.next
    assert found == [f"c{number}" for number in reversed(range(25))]


def test_two_hundred_events_a_second_cost_little() -> None:
    index = CallIndex()
    index.apply(async_run(5000, 1, 0.1))
    filled(index)
    events = sorted(async_run(70, 1, 0.05), key=lambda each: each.time_ns)
    events = [
        event(
            (each.time_ns - BEGIN) / SECOND + 5000,
            each.type,
            f"new-{each.call_id}",
            each.attempt,
            each.service,
            **each.data,
        )
        for each in events
    ]

    begin, size, rounds = time.process_time(), 0, 0
    for start in range(0, len(events), 20):  # 20 events in each 100 ms
        index.apply(events[start : start + 20])
        calls = []
        while index.is_stale:
            calls += [index.to_json(entry.call, LATE) for entry in index.refresh(20)]
        size += len(encode_event("calls", {"calls": calls, "counts": index.counted()}))
        rounds += 1
    share = (time.process_time() - begin) / (rounds * 0.1)

    print(f"200 events/s with 5,000 calls: {share:.1%} of a core, {size / rounds * 10 / 1024:.0f} KiB/s")
    assert share < 0.15


def test_a_slow_page_is_told_to_read_the_list_again() -> None:
    async def read_late() -> bytes:
        stream = CallStream(CallFeed(lambda *_: None), lambda *_: None)
        page = stream.subscribe()
        hello = await anext(page)
        assert b"event: hello" in hello
        for _ in range(100):
            stream.publish("calls", {"calls": ["x" * 100_000]})
        received = await anext(page)
        stream.close()
        await stream.stop()
        return received

    received = asyncio.run(read_late())

    assert len(received) < 5_000_000
    assert b"event: reset" in received


def test_a_change_that_a_list_was_asked_about_is_sent_to_the_pages_all_the_same() -> None:
    async def taken() -> list[str]:
        feed = CallFeed(lambda *_: None)
        with feed.followed():
            feed.index.apply(accepted("c1"))
            await feed.refresh()  # as a list does
            assert feed.has_changed
            changed = [entry.call.id for entry in await feed.take_changed()]
            assert not feed.has_changed
        feed.index.apply(accepted("c2"))
        await feed.refresh()
        assert not feed.has_changed, "nobody would take it"
        return changed

    assert asyncio.run(taken()) == ["c1"]
