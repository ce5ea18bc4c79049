"""The topic of logs: files that grow, functions that print, a gateway that is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labkit.errors import GatewayError, InvalidValueError, ServiceError
from labkit.live.log_source import is_wanted, last_merged_lines, log_lines
from labkit.live.sources import LabLink

pytestmark = pytest.mark.anyio


class FakeGateway:
    """A gateway with one function; ``is_down`` as after a kill."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked: list[dict[str, Any]] = []
        self.open = 0

    async def functions(self) -> list[dict[str, Any]]:
        if self.is_down:
            raise GatewayError("the gateway is down")
        return [{"name": "figlet", "createdAt": "2026-01-01T00:00:00Z"}]

    async def log_lines(self, name: str, *, tail: int) -> list[dict[str, Any]]:
        return [{"timestamp": "2026-01-01T00:00:01.000000Z", "text": f"the last of {name}"}][:tail]

    async def follow_logs(self, name: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(parameters)
        self.open += 1
        try:
            for second in (1, 2):
                yield {"timestamp": f"2026-01-01T00:00:0{second}.000000Z", "text": f"{name} {second}"}
            if len(self.asked) == 1:
                raise GatewayError("the connection was lost")
            yield {"timestamp": "2026-01-01T00:00:03.000000Z", "text": f"{name} 3"}
            await asyncio.Event().wait()
        finally:
            self.open -= 1


def link_to(folder: Path, gateway: FakeGateway) -> LabLink:
    connections = SimpleNamespace(gateway=gateway)
    return cast(LabLink, SimpleNamespace(logs=folder, connections=connections))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add(tmp_path, "gateway", "2026-01-01T00:00:00Z info gateway: ready\n")
    return tmp_path


def add(folder: Path, service: str, text: str) -> None:
    path = folder / f"{service}.log"
    path.touch(0o600)
    with path.open("a") as file:
        file.write(text)


async def collect(source: AsyncIterator[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Return the lines until one has the text ``wanted``."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        async for content in source:
            found += content["lines"]
            if any(line["text"] == wanted for line in content["lines"]):
                return found
    raise AssertionError(found)


async def test_lines_of_files_and_of_functions_come_once_over_a_lost_connection(folder: Path) -> None:
    gateway = FakeGateway()
    async with aclosing(cast(Any, log_lines(link_to(folder, gateway), ""))) as source:
        found = await collect(source, "figlet 3")

    texts = [line["text"] for line in found]
    assert sorted(texts) == ["figlet 1", "figlet 2", "figlet 3", "ready"]
    assert {line["kind"] for line in found if line["service"] == "figlet"} == {"function"}
    assert gateway.asked[1] == {"since": "2026-01-01T00:00:02.000000Z"}


async def test_files_are_followed_while_the_gateway_is_down(folder: Path) -> None:
    gateway = FakeGateway()
    gateway.is_down = True
    async with aclosing(cast(Any, log_lines(link_to(folder, gateway), ""))) as source:
        await anext(source)
        add(folder, "gateway", "again\n")
        add(folder, "queue-worker-2", "a worker that was added\n")
        found = await collect(source, "a worker that was added")

    assert [line["service"] for line in found if line["text"] == "again"] == ["gateway"]


async def test_a_burst_is_bounded_and_what_is_left_out_is_counted(folder: Path) -> None:
    async with aclosing(cast(Any, log_lines(link_to(folder, FakeGateway()), "gateway"))) as source:
        await anext(source)
        add(folder, "gateway", "".join(f"line {number}\n" for number in range(10_000)))
        async with asyncio.timeout(10):
            content = await anext(source)

    assert len(content["lines"]) == 300
    assert content["lines"][-1]["text"] == "line 9999"
    assert content["dropped"] == 9_700


async def test_nothing_is_read_or_asked_after_the_end(folder: Path) -> None:
    gateway = FakeGateway()
    async with aclosing(cast(Any, log_lines(link_to(folder, gateway), ""))) as source:
        await collect(source, "figlet 3")
    await asyncio.sleep(0.05)

    assert gateway.open == 0
    assert not [task for task in asyncio.all_tasks() if "log" in task.get_name()]


async def test_the_last_lines_are_merged_and_an_unknown_name_is_an_error(folder: Path) -> None:
    link = link_to(folder, FakeGateway())
    lines = await last_merged_lines(link, [], 10)
    assert [line["text"] for line in lines] == ["ready", "the last of figlet"]
    with pytest.raises(ServiceError, match="nope"):
        await last_merged_lines(link, ["nope"], 10)
    for tail in (0, 501):
        with pytest.raises(InvalidValueError, match="tail"):
            await last_merged_lines(link, [], tail)


def test_a_service_is_wanted_by_its_kind_too() -> None:
    assert is_wanted("queue-worker-2", frozenset({"queue-worker"}))
    assert not is_wanted("queue-worker", frozenset({"gateway"}))
    assert is_wanted("anything", frozenset())
