"""Requests that are held, and answered or dropped by hand."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from eventually import eventually_async
from inspectors import Inspector, inspector
from wire import WireResponse

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector() as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest, shared: Inspector) -> str:
    """The name of a new bin that holds its requests."""
    name = f"bin-{abs(hash(request.node.nodeid)) % 10**12}"
    shared.api.put(f"/api/v1/bins/{name}").raise_for_status()
    hold(shared, name, enabled=True, timeout="30s")
    return name


def hold(shared: Inspector, name: str, **document: Any) -> None:
    assert shared.api.put(f"/api/v1/bins/{name}/hold", json=document).status_code == 204


def held(shared: Inspector, name: str) -> list[str]:
    return list(shared.get(f"/bins/{name}/hold")["held"])


def answer(shared: Inspector, name: str, record_id: str, document: Any) -> int:
    path = f"/api/v1/bins/{name}/requests/{record_id}/response"
    return shared.api.put(path, json=document).status_code


@asynccontextmanager
async def holding(shared: Inspector, name: str, path: str = "") -> AsyncIterator[tuple[str, Any]]:
    """Send a request that is held; yield its id, and the task of its response."""
    before = set(held(shared, name))
    sending: asyncio.Task[WireResponse] = asyncio.create_task(shared.send(f"/r/{name}{path}", b"held"))
    found = await eventually_async(lambda: set(held(shared, name)) - before)
    yield found.pop(), sending
    sending.cancel()
    await asyncio.wait({sending})


async def test_a_held_request_is_answered_by_hand(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        assert shared.get(f"/bins/{name}/requests/{record_id}")["response"] is None
        await asyncio.sleep(0.2)
        document = {"status": 418, "headers": {"X-Hand": "yes"}, "body": "tea"}
        assert answer(shared, name, record_id, document) == 204
        response = await sending
        assert (response.status, response.body, response.headers.get("X-Hand")) == (418, b"tea", "yes")
    record = shared.get(f"/bins/{name}/requests/{record_id}")
    assert (record["response"]["status"], record["response"]["rule"]) == (418, "by hand")
    assert record["response"]["overridden_by"] == "answered by hand"
    assert base64.b64decode(record["response"]["body_base64"]) == b"tea"
    assert 0.2 <= record["timing"]["held"] < 5
    assert held(shared, name) == []


async def test_binary_answers_and_plain_ones_are_sent_as_written(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        assert answer(shared, name, record_id, {"body_base64": base64.b64encode(b"\xff\x00").decode()}) == 204
        assert (await sending).body == b"\xff\x00"
    async with holding(shared, name) as (record_id, sending):
        assert answer(shared, name, record_id, {}) == 204
        response = await sending
        assert (response.status, response.headers.get("X-Request-Id")) == (200, record_id)


async def test_a_dropped_request_has_no_response(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        assert shared.api.post(f"/api/v1/bins/{name}/requests/{record_id}/drop").status_code == 204
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await sending
    response = shared.get(f"/bins/{name}/requests/{record_id}")["response"]
    assert (response["status"], response["overridden_by"]) == (0, "dropped by hand")


async def test_answering_twice_is_409_and_an_unknown_request_404(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        assert answer(shared, name, record_id, {"status": 99}) == 422
        assert answer(shared, name, record_id, {"headers": {"Content-Length": "1"}}) == 422
        assert answer(shared, name, record_id, {"status": 201}) == 204
        assert answer(shared, name, record_id, {"status": 202}) == 409
        assert (await sending).status == 201
        assert answer(shared, name, record_id, {"status": 202}) == 409
        drop = shared.api.post(f"/api/v1/bins/{name}/requests/{record_id}/drop")
        assert (drop.status_code, drop.json()["seen"]) == (409, "status 201, rule by hand")
    assert answer(shared, name, "0" * 26, {}) == 404
    assert answer(shared, "no-such-bin", record_id, {}) == 404


async def test_of_many_answers_at_the_same_time_one_wins(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        codes = await asyncio.gather(
            *(asyncio.to_thread(answer, shared, name, record_id, {"status": 200 + i}) for i in range(8))
        )
        assert sorted(codes) == [204] + [409] * 7
        assert (await sending).status == 200 + codes.index(204)


async def test_after_the_timeout_the_rules_answer(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}/responses", json={"status": 503, "then": [202]}).raise_for_status()
    hold(shared, name, enabled=True, timeout="200ms")
    started = time.monotonic()
    statuses = [(await shared.send(f"/r/{name}{path}")).status for path in ("/404", "", "")]
    assert statuses == [404, 503, 202]
    assert time.monotonic() - started >= 0.6
    record = shared.get(f"/bins/{name}/requests/latest")
    assert (record["response"]["rule"], record["response"]["overridden_by"]) == ("rule 1, step 2 of 2", None)
    assert record["timing"]["held"] >= 0.2


async def test_an_answer_by_hand_uses_no_step_of_a_sequence(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}/responses", json={"status": 503, "then": [200]}).raise_for_status()
    async with holding(shared, name) as (record_id, sending):
        answer(shared, name, record_id, {"status": 418})
        await sending
    hold(shared, name, enabled=False)
    assert (await shared.send(f"/r/{name}")).status == 503


@pytest.mark.parametrize("how", ["disable", "delete hold", "clear", "delete request", "delete bin"])
async def test_releasing_a_hold_answers_by_the_rules(shared: Inspector, name: str, how: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        match how:
            case "disable":
                hold(shared, name, enabled=False)
            case "delete hold":
                assert shared.api.delete(f"/api/v1/bins/{name}/hold").status_code == 204
            case "clear":
                assert shared.api.delete(f"/api/v1/bins/{name}/requests").status_code == 204
            case "delete request":
                assert shared.api.delete(f"/api/v1/bins/{name}/requests/{record_id}").status_code == 204
            case _:
                assert shared.api.delete(f"/api/v1/bins/{name}").status_code == 204
        assert (await asyncio.wait_for(sending, 5)).status == 200


async def test_a_client_that_leaves_is_no_longer_held(shared: Inspector, name: str) -> None:
    async with holding(shared, name) as (record_id, sending):
        sending.cancel()
        await eventually_async(lambda: not held(shared, name), within=5)
    record = await eventually_async(lambda: shared.get(f"/bins/{name}/requests/{record_id}")["response"])
    assert (record["status"], record["rule"]) == (0, "disconnected")
    assert answer(shared, name, record_id, {}) == 409


async def test_at_most_a_hundred_requests_are_held(shared: Inspector, name: str) -> None:
    sending = [asyncio.create_task(shared.send(f"/r/{name}")) for _ in range(103)]
    done, pending = await asyncio.wait(sending, timeout=3)
    assert [task.result().status for task in done] == [503] * 3
    assert len(held(shared, name)) == 100
    hold(shared, name, enabled=False)
    assert {(await task).status for task in pending} == {200}


async def test_held_requests_get_503_when_the_inspector_stops() -> None:
    with inspector() as running:
        running.api.put("/api/v1/bins/b").raise_for_status()
        hold(running, "b", enabled=True, timeout=600)
        async with holding(running, "b") as (_, sending):
            running.stopped = True
            running.process.terminate()
            assert (await asyncio.wait_for(sending, 5)).status == 503


@pytest.mark.parametrize(
    "document",
    [{"enabled": "yes"}, {"timeout": "soon"}, {"timeout": -1}, {"timeout": 601}, {"enable": True}, [], 5],
)
async def test_an_invalid_hold_is_refused(shared: Inspector, name: str, document: Any) -> None:
    assert shared.api.put(f"/api/v1/bins/{name}/hold", json=document).status_code == 422
    assert shared.get(f"/bins/{name}/hold") == {"enabled": True, "timeout": 30.0, "held": []}


async def test_switching_a_hold_is_an_event(shared: Inspector, name: str) -> None:
    kinds = []
    with shared.api.stream("GET", f"/api/v1/bins/{name}/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        hold(shared, name, enabled=False)
        for line in lines:
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if "rule.changed" in kinds:
                break
