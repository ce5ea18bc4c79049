"""A past for a lab: calls on the queue, calls in the record, captures in the inspector."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

from benchmarks.failure import BenchmarkError
from benchmarks.message import BODY
from benchmarks.stack import Stack
from labkit_services.contract.events import EventType, Row, encode_batch
from labkit_services.contract.names import (
    CALL_ID,
    DURATION_SECONDS,
    FUNCTION_NAME,
    FUNCTION_STATUS,
    event_subject,
)

CAPTURES = 100_000
"""More requests than the inspector keeps of all bins together: beyond it nothing can grow."""

BIN = "callbacks"
_BINS = 150
_KEPT = 500
"""What a bin keeps (``labkit_services.inspector.bin_store.StoreLimits``)."""
_CALLS_A_BATCH = 100
_LANES = 64


async def fill_record(lab: Stack, calls: int) -> None:
    """Add finished asynchronous calls to the record, in batches like the services' own."""
    numbers = iter(range(0, calls, _CALLS_A_BATCH))

    async def one() -> bool:
        first = next(numbers, None)
        if first is None:
            return False
        ids = [f"past-{time.time_ns():x}-{first + n}" for n in range(min(_CALLS_A_BATCH, calls - first))]
        for service, rows in finished_calls(ids, time.time_ns()).items():
            await lab.publisher.publish(
                event_subject(service), encode_batch(service, f"{service}-1", rows), {}
            )
        return True

    await in_lanes(one, 8)


def finished_calls(ids: list[str], now: int) -> dict[str, list[Row]]:
    """Return the events of asynchronous calls that are done, by the service that saw them."""
    rows: dict[str, list[Row]] = {"gateway": [], "queue-worker": [], "watchdog": []}

    def add(service: str, after_ms: float, type_: EventType, call_id: str, **data: object) -> None:
        rows[service].append([now + int(after_ms * 1e6), str(type_), call_id, "cat", 1, data])

    for call_id in ids:
        add("gateway", 0.0, EventType.CALL_RECEIVED, call_id, mode="async", method="POST")
        add("gateway", 0.3, EventType.CALL_QUEUED, call_id, queue="faas-request", seq=1, bytes=5)
        add("queue-worker", 0.5, EventType.DELIVERY_RECEIVED, call_id, seq=1)
        add("queue-worker", 0.6, EventType.INVOCATION_STARTED, call_id)
        add("gateway", 0.8, EventType.CALL_RECEIVED, call_id, mode="sync", method="POST")
        add("gateway", 0.9, EventType.CALL_FORWARDED, call_id, replica="cat-4711")
        add("watchdog", 1.2, EventType.PROCESS_STARTED, call_id, pid=4712)
        add("watchdog", 2.2, EventType.PROCESS_EXITED, call_id, pid=4712, code=0)
        add("gateway", 2.4, EventType.CALL_ANSWERED, call_id, status=200, bytes=5)
        add("queue-worker", 2.6, EventType.INVOCATION_FINISHED, call_id, status=200, bytes=5)
        add("queue-worker", 2.7, EventType.DELIVERY_ACKED, call_id)
    return rows


async def fill_inspector(lab: Stack, captures: int) -> None:
    """Send callbacks to all bins in turn, and at last as many to one of them as it holds."""
    numbers = itertools.count()
    base = lab.lab.state.inspector_url

    async def one() -> bool:
        number = next(numbers)
        if number >= captures:
            return False
        name = BIN if number >= captures - _KEPT else f"{BIN}-{number % _BINS}"
        headers = [
            ("Content-Type", "text/plain"),
            (CALL_ID, f"past-{number}"),
            (FUNCTION_NAME, "cat"),
            (FUNCTION_STATUS, "200"),
            (DURATION_SECONDS, "0.001"),
        ]
        response = await lab.http.request("POST", f"{base}/r/{name}", headers, BODY)
        await response.read()
        if response.status != 200:
            raise BenchmarkError("the inspector refused a capture", seen=str(response.status))
        return True

    await in_lanes(one, _LANES)


async def in_lanes(one: Callable[[], Awaitable[bool]], lanes: int) -> None:
    """Do something again and again, several at a time, until it says that there is no more."""

    async def lane() -> None:
        while await one():
            pass

    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(lane())
