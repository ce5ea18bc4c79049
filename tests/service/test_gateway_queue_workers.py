"""``/system/queues`` lists every queue-worker, also one that answers late."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import nats
import pytest
from gateways import client
from nats.aio.msg import Msg

from labkit import Lab
from labkit_services.contract.names import WORKER_SUBJECT
from labkit_services.contract.queues import worker_control_subject

QUEUE = "faas-request"
LATE_SECONDS = 0.15


@asynccontextmanager
async def late_worker(lab: Lab) -> AsyncIterator[None]:
    """Answer as a queue-worker named "late", later than the lab's own."""
    answer = {"worker": "late", "max_inflight": 7, "in_flight": 0, "processed": 0, "redelivered": 0}

    async def on_request(message: Msg) -> None:
        await asyncio.sleep(LATE_SECONDS)
        await message.respond(json.dumps(answer).encode())

    state = lab.aio.state
    connection = await nats.connect(state.nats_url, token=state.nats_token)
    try:
        await connection.subscribe(worker_control_subject(QUEUE), cb=on_request)
        joined = {"queue": QUEUE, "worker": "late"}
        await connection.publish(WORKER_SUBJECT, json.dumps(joined).encode())
        await connection.flush()
        yield
    finally:
        await connection.close()


async def queue(http: httpx.Client) -> dict[str, Any]:
    answer = await asyncio.to_thread(http.get, f"/system/queues/{QUEUE}")
    assert answer.status_code == 200
    return dict(answer.json())


def names(queue: dict[str, Any]) -> set[str]:
    return {worker["name"] for worker in queue["workers"]}


async def until_listed(http: httpx.Client, check: Callable[[set[str]], bool]) -> None:
    for _ in range(100):  # each of which waits for the workers
        if check(names(await queue(http))):
            return
    pytest.fail("not listed as expected")


@pytest.mark.anyio
async def test_a_late_worker_is_listed_every_time(lab: Lab) -> None:
    with client(lab) as http:
        own = names(await queue(http)) - {"late"}
        assert len(own) == 1
        async with late_worker(lab):
            for _ in range(5):
                seen = await queue(http)
                assert names(seen) == own | {"late"}
                assert seen["maxInflight"] >= 8


@pytest.mark.anyio
async def test_a_worker_that_has_gone_is_waited_for_once(lab: Lab) -> None:
    with client(lab) as http:
        async with late_worker(lab):
            await until_listed(http, lambda listed: "late" in listed)
        await until_listed(http, lambda listed: "late" not in listed)

        begin = time.monotonic()
        assert "late" not in names(await queue(http))
        assert time.monotonic() - begin < 0.4
