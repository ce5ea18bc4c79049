"""Waiting for requests, and server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from received_requests import callback, received_request

from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.live import server_sent_events
from labkit_services.inspector.live.event_journal import EventJournal
from labkit_services.inspector.live.request_waiters import RequestWaiters
from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.queries.request_query import RequestQuery
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import StoredBin

pytestmark = pytest.mark.anyio


def bin_to_json(stored: StoredBin) -> dict[str, Any]:
    return {"name": stored.name, "count": stored.kept}


@pytest.fixture
def store() -> BinStore:
    store = BinStore()
    store.create("a")
    return store


# -- waiting


async def test_wait_returns_at_once_if_enough_requests_are_there(store: BinStore) -> None:
    waiters = RequestWaiters(store)
    store.add("a", received_request())
    assert await waiters.wait("a", RequestQuery.parse("wait=10s"))


async def test_wait_returns_with_the_last_missing_request(store: BinStore) -> None:
    waiters = RequestWaiters(store)
    store.add("a", callback("1"))
    waiting = asyncio.create_task(waiters.wait("a", RequestQuery.parse("wait=20s&min=3&function=figlet")))
    for other in (received_request(), callback("2"), callback("3", "other")):
        await asyncio.sleep(0)
        store.add("a", other)
        store.add("b", callback("4"))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.add("a", callback("5"))
    async with asyncio.timeout(5):
        assert await waiting


async def test_wait_returns_false_on_timeout(store: BinStore) -> None:
    assert not await RequestWaiters(store).wait("a", RequestQuery.parse("wait=10ms&min=2"))


async def test_requests_dropped_during_a_wait_do_not_count(store: BinStore) -> None:
    waiters = RequestWaiters(store)
    store.create("a", 2)
    waiting = asyncio.create_task(waiters.wait("a", RequestQuery.parse("wait=200ms&min=3")))
    await asyncio.sleep(0)
    for _ in range(10):
        store.add("a", received_request())
    assert not await waiting


async def test_wait_counts_only_requests_after_the_given_id(store: BinStore) -> None:
    waiters = RequestWaiters(store)
    first, _ = store.add("a", received_request())
    query = RequestQuery.parse(f"order=oldest&after={first.id}&wait=20s")
    waiting = asyncio.create_task(waiters.wait("a", query))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    store.add("a", received_request())
    async with asyncio.timeout(5):
        assert await waiting


async def test_deleting_the_bin_or_closing_ends_a_wait(store: BinStore) -> None:
    waiters = RequestWaiters(store)
    store.create("b")
    waiting = [asyncio.create_task(waiters.wait(name, RequestQuery.parse("wait=20s"))) for name in "ab"]
    await asyncio.sleep(0)
    store.delete(store.bins["a"])
    async with asyncio.timeout(5):
        assert not await waiting[0]
        waiters.close()
        assert not await waiting[1]
        assert not await waiters.wait("b", RequestQuery.parse("wait=20s"))


async def test_no_request_is_missed_between_counting_and_waiting(store: BinStore) -> None:
    """Requests and waiters start at every distance from each other."""
    waiters = RequestWaiters(store)

    async def add_later(steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        store.add("a", callback(f"call-{steps}"))

    for steps in range(20):
        query = RequestQuery.parse(f"wait=20s&call_id=call-{steps}")
        async with asyncio.timeout(5):
            found, _ = await asyncio.gather(waiters.wait("a", query), add_later(steps))
        assert found


# -- server-sent events


def parsed(data: bytes) -> list[tuple[str, Any]]:
    events = []
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


async def expect_hello(stream: AsyncIterator[bytes]) -> None:
    async with asyncio.timeout(5):
        assert parsed(await anext(stream)) == [("hello", {})]


async def test_a_subscriber_receives_the_events_of_all_bins_or_of_one(store: BinStore) -> None:
    events = ServerSentEvents(store, EventJournal(store, bin_to_json))
    everything, only_b = events.subscribe(), events.subscribe("b")
    await expect_hello(everything)
    await expect_hello(only_b)
    store.add("a", received_request())
    store.add("b", received_request())
    async with asyncio.timeout(5):
        received = parsed(await anext(everything))
        assert [(event, data["bin"]["name"]) for event, data in received] == [
            ("request.received", "a"),
            ("bin.created", "b"),
            ("request.received", "b"),
        ]
        assert received[0][1]["request"]["method"] == "POST"
        assert received[0][1]["bin"]["count"] == 1
        assert [event for event, _ in parsed(await anext(only_b))] == ["bin.created", "request.received"]


async def test_heartbeats_are_sent_when_nothing_happens(store: BinStore) -> None:
    stream = ServerSentEvents(store, EventJournal(store, bin_to_json), heartbeat=0.01).subscribe()
    await expect_hello(stream)
    async with asyncio.timeout(5):
        assert parsed(await anext(stream)) == [("heartbeat", {})]


async def test_the_stream_of_a_slow_subscriber_is_ended(
    store: BinStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_sent_events, "_MAX_PENDING", 10)
    stream = ServerSentEvents(store, EventJournal(store, bin_to_json)).subscribe()
    await expect_hello(stream)
    for _ in range(11):
        store.add("a", received_request())
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_close_ends_every_stream(store: BinStore) -> None:
    events = ServerSentEvents(store, EventJournal(store, bin_to_json))
    stream = events.subscribe()
    await expect_hello(stream)
    ending = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    events.close()
    async with asyncio.timeout(5):
        assert await ending is None


async def test_the_number_of_subscribers_is_limited(store: BinStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "MAX_SUBSCRIBERS", 2)
    events = ServerSentEvents(store, EventJournal(store, bin_to_json))
    streams = [events.subscribe(), events.subscribe()]
    for stream in streams:
        await expect_hello(stream)
    with pytest.raises(TooManyError):
        events.subscribe()
    await streams[0].aclose()  # type: ignore[attr-defined]
    events.subscribe()
