"""The topic of a bin: events of the inspector, over a lost connection and a deleted bin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labkit.clients.inspector import ServerEvent
from labkit.errors import InspectorError
from labkit.live.bin_source import MOST_REQUESTS, bin_requests
from labkit.live.sources import LabLink

pytestmark = pytest.mark.anyio
BIN = {"name": "callbacks", "url": "http://x/r/callbacks", "answer": 200, "hold": False, "note": "secret"}


def captured(seq: int) -> dict[str, Any]:
    return {
        "id": f"id-{seq}",
        "seq": seq,
        "received_at": "2026-01-01T00:00:00Z",
        "method": "POST",
        "content_length": 5,
        "subpath": "",
        "query_string": "",
        "openfaas": None,
        "response": None,
    }


class FakeInspector:
    """Sends what is put into ``events``; an error ends the stream with it."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[ServerEvent | InspectorError] = asyncio.Queue()
        self.after: list[str] = []
        self.open = 0

    async def follow(self, _name: str, after: str = "") -> AsyncGenerator[ServerEvent, None]:
        self.after.append(after)
        self.open += 1
        try:
            while True:
                event = await self.events.get()
                if isinstance(event, InspectorError):
                    raise event
                yield event
        finally:
            self.open -= 1

    async def page(self, _name: str, _limit: int) -> dict[str, Any]:
        return {"requests": [captured(1)]}

    async def describe(self, _name: str) -> dict[str, Any]:
        return BIN

    async def request(self, _name: str, request_id: str) -> dict[str, Any]:
        return {"body": f"body of {request_id} " + "x" * 500}

    def send(self, number: int, name: str, **data: Any) -> None:
        self.events.put_nowait(ServerEvent(str(number), name, data))


@pytest.fixture
def inspector() -> FakeInspector:
    made = FakeInspector()
    made.send(1, "hello")
    return made


def follow(inspector: FakeInspector) -> AsyncIterator[dict[str, Any]]:
    connections = SimpleNamespace(inspector=inspector)
    return bin_requests(cast(LabLink, SimpleNamespace(connections=connections)), "callbacks")


async def until(
    source: AsyncIterator[dict[str, Any]], is_wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for content in source:
            if is_wanted(content):
                return content
    raise AssertionError("it ended")


def numbers(content: dict[str, Any]) -> list[int]:
    return [request["seq"] for request in content["requests"]]


async def test_requests_come_newest_first_with_the_beginning_of_their_body(inspector: FakeInspector) -> None:
    async with aclosing(cast(Any, follow(inspector))) as source:
        inspector.send(2, "request.received", bin=BIN, request=captured(2))
        content = await until(source, lambda each: numbers(each) == [2, 1] and each["requests"][0]["preview"])

    assert content["requests"][0]["preview"].startswith("body of id-2")
    assert len(content["requests"][0]["preview"]) == 160
    assert "note" not in content["bin"]


async def test_a_lost_inspector_is_told_and_followed_from_the_last_event(inspector: FakeInspector) -> None:
    async with aclosing(cast(Any, follow(inspector))) as source:
        inspector.send(7, "request.received", bin=BIN, request=captured(2))
        await until(source, lambda each: numbers(each) == [2, 1])
        inspector.events.put_nowait(InspectorError("it ended", seen="connection lost"))
        lost = await until(source, lambda each: each["state"] == "lost")
        inspector.send(8, "request.received", bin=BIN, request=captured(3))
        found = await until(source, lambda each: numbers(each) == [3, 2, 1])

    assert numbers(lost) == [2, 1], "what had arrived stays"
    assert found["state"] == "live"
    assert inspector.after == ["", "7"]


async def test_a_deleted_bin_is_missing_and_empty(inspector: FakeInspector) -> None:
    async with aclosing(cast(Any, follow(inspector))) as source:
        inspector.send(2, "bin.deleted", bin={"name": "callbacks"})
        content = await until(source, lambda each: each["state"] == "missing")
        assert content["requests"] == []
        inspector.events.put_nowait(InspectorError("no such bin", seen='404 {"error": "no bin"}'))
        inspector.send(3, "bin.created", bin=BIN)
        await until(source, lambda each: each["state"] == "live")


async def test_an_event_that_only_names_the_bin_changes_nothing(inspector: FakeInspector) -> None:
    async with aclosing(cast(Any, follow(inspector))) as source:
        inspector.send(2, "rule.changed", bin="callbacks", rule={})
        inspector.send(3, "request.received", bin=BIN, request=captured(2))
        content = await until(source, lambda each: numbers(each) == [2, 1])

    assert content["bin"]["answer"] == 200


async def test_a_burst_is_bounded_and_nothing_is_left_after_the_end(inspector: FakeInspector) -> None:
    async with aclosing(cast(Any, follow(inspector))) as source:
        for seq in range(2, 1000):
            inspector.send(seq, "request.received", bin=BIN, request=captured(seq))
        content = await until(source, lambda each: numbers(each)[:1] == [999])
        assert len(content["requests"]) == MOST_REQUESTS
    await asyncio.sleep(0.05)

    assert inspector.open == 0
    assert not [task for task in asyncio.all_tasks() if "bin" in task.get_name()]
