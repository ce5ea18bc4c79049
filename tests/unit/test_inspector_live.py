"""Waiting and listening: nobody misses anything, nobody waits for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from arrivals import arrival, callback

from labkit_services.inspector import live as live_module
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.filters import Listing
from labkit_services.inspector.live import Live
from labkit_services.inspector.store import Bin, Store
from labkit_services.inspector.waiting import WaitingRoom

pytestmark = pytest.mark.anyio


def tell(told: Bin) -> dict[str, Any]:
    return {"name": told.name, "count": len(told.records)}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.create("a")
    return store


# -- waiting


async def test_what_is_there_already_is_enough(store: Store) -> None:
    room = WaitingRoom(store)
    store.add("a", arrival())
    assert await room.until_enough("a", Listing.parse("wait=10s"))


async def test_a_waiter_is_woken_by_the_last_request_it_needs(store: Store) -> None:
    room = WaitingRoom(store)
    store.add("a", callback("1"))
    waiting = asyncio.create_task(room.until_enough("a", Listing.parse("wait=20s&min=3&function=figlet")))
    for other in (arrival(), callback("2"), callback("3", "other")):
        await asyncio.sleep(0)
        store.add("a", other)
        store.add("b", callback("4"))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.add("a", callback("5"))
    async with asyncio.timeout(5):
        assert await waiting


async def test_time_up_is_said(store: Store) -> None:
    assert not await WaitingRoom(store).until_enough("a", Listing.parse("wait=10ms&min=2"))


async def test_requests_dropped_while_waiting_do_not_count(store: Store) -> None:
    room = WaitingRoom(store)
    store.create("a", 2)
    waiting = asyncio.create_task(room.until_enough("a", Listing.parse("wait=200ms&min=3")))
    await asyncio.sleep(0)
    for _ in range(10):
        store.add("a", arrival())
    assert not await waiting


async def test_only_what_comes_after_a_request_counts(store: Store) -> None:
    room = WaitingRoom(store)
    first, _ = store.add("a", arrival())
    listing = Listing.parse(f"order=oldest&after={first.id}&wait=20s")
    waiting = asyncio.create_task(room.until_enough("a", listing))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    store.add("a", arrival())
    async with asyncio.timeout(5):
        assert await waiting


async def test_a_deleted_bin_and_the_end_send_waiters_home(store: Store) -> None:
    room = WaitingRoom(store)
    store.create("b")
    waiting = [asyncio.create_task(room.until_enough(name, Listing.parse("wait=20s"))) for name in "ab"]
    await asyncio.sleep(0)
    store.delete(store.bins["a"])
    async with asyncio.timeout(5):
        assert not await waiting[0]
        room.close()
        assert not await waiting[1]
        assert not await room.until_enough("b", Listing.parse("wait=20s"))


async def test_a_request_between_looking_and_waiting_is_not_missed(store: Store) -> None:
    """Requests and waiters start at every possible distance from each other, both ways round."""
    room = WaitingRoom(store)

    async def later(steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        store.add("a", callback(f"call-{steps}"))

    for steps in range(20):
        listing = Listing.parse(f"wait=20s&call_id=call-{steps}")
        async with asyncio.timeout(5):
            found, _ = await asyncio.gather(room.until_enough("a", listing), later(steps))
        assert found


# -- listening


def parsed(data: bytes) -> list[tuple[str, Any]]:
    events = []
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "event" in lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


async def begin(stream: AsyncIterator[bytes]) -> None:
    async with asyncio.timeout(5):
        assert parsed(await anext(stream)) == [("hello", {})]


async def test_a_listener_hears_of_all_bins_or_of_one(store: Store) -> None:
    live = Live(store, tell)
    everything, only_b = live.listen(), live.listen("b")
    await begin(everything)
    await begin(only_b)
    store.add("a", arrival())
    store.add("b", arrival())
    async with asyncio.timeout(5):
        heard = parsed(await anext(everything))
        assert [(event, data["bin"]["name"]) for event, data in heard] == [
            ("request.received", "a"),
            ("bin.created", "b"),
            ("request.received", "b"),
        ]
        assert heard[0][1]["request"]["method"] == "POST"
        assert heard[0][1]["bin"]["count"] == 1
        assert [event for event, _ in parsed(await anext(only_b))] == ["bin.created", "request.received"]


async def test_silence_is_filled_with_heartbeats(store: Store) -> None:
    stream = Live(store, tell, heartbeat=0.01).listen()
    await begin(stream)
    async with asyncio.timeout(5):
        assert parsed(await anext(stream)) == [("heartbeat", {})]


async def test_a_listener_that_reads_too_slowly_is_cut_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "_MAX_PENDING", 10)
    stream = Live(store, tell).listen()
    await begin(stream)
    for _ in range(11):
        store.add("a", arrival())
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_the_end_ends_every_stream(store: Store) -> None:
    live = Live(store, tell)
    stream = live.listen()
    await begin(stream)
    ending = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    live.close()
    async with asyncio.timeout(5):
        assert await ending is None


async def test_listeners_are_bounded_and_leave_when_they_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "MAX_LISTENERS", 2)
    live = Live(store, tell)
    streams = [live.listen(), live.listen()]
    for stream in streams:
        await begin(stream)
    with pytest.raises(TooManyError):
        live.listen()
    await streams[0].aclose()  # type: ignore[attr-defined]
    live.listen()
