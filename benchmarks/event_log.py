"""The event log: filled as the services do, and what publishing to it costs.

A machine has moods, so publishing is compared with the same to an empty log,
of another nats-server, in turns.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from nats.aio.client import Client

from benchmarks import programs
from benchmarks.stack import Stack
from labkit.supervisor.nats_server import NatsServer, find_nats_server
from labkit_services.contract.events import EventType, Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.publisher import Publisher
from labkit_services.jetstream.streams import ensure_events

_BATCH = 100
_EVENTS = 50
"""Events of a batch whose publishing is measured."""
_PAIRS = 500
_START_SECONDS = 10.0
_TOKEN = "volume"

_FINISHED_CALL: tuple[tuple[str, float, EventType, dict[str, object]], ...] = (
    ("gateway", 0.0, EventType.CALL_RECEIVED, {"mode": "async", "method": "POST"}),
    ("gateway", 0.3, EventType.CALL_QUEUED, {"queue": "faas-request", "seq": 1, "bytes": 5}),
    ("queue-worker", 0.5, EventType.DELIVERY_RECEIVED, {"seq": 1}),
    ("queue-worker", 0.6, EventType.INVOCATION_STARTED, {}),
    ("gateway", 0.8, EventType.CALL_RECEIVED, {"mode": "sync", "method": "POST"}),
    ("gateway", 0.9, EventType.CALL_FORWARDED, {"replica": "cat-4711"}),
    ("watchdog", 1.2, EventType.PROCESS_STARTED, {"pid": 4712}),
    ("watchdog", 2.2, EventType.PROCESS_EXITED, {"pid": 4712, "code": 0}),
    ("gateway", 2.4, EventType.CALL_ANSWERED, {"status": 200, "bytes": 5}),
    ("queue-worker", 2.6, EventType.INVOCATION_FINISHED, {"status": 200, "bytes": 5}),
    ("queue-worker", 2.7, EventType.DELIVERY_ACKED, {}),
)
"""The events of one call: service, milliseconds after the call, type, data."""


async def fill_event_log(lab: Stack, calls: int) -> None:
    """Publish events of finished calls, in batches as the services do."""
    numbers = iter(range(0, calls, _BATCH))

    async def one() -> bool:
        first = next(numbers, None)
        if first is None:
            return False
        ids = [str(uuid.uuid4()) for _ in range(min(_BATCH, calls - first))]  # as the gateway's are
        for service, rows in finished_calls(ids, time.time_ns()).items():
            batch = encode_batch(service, f"{service}-1", rows)
            await lab.publisher.publish(event_subject(service), batch, {})
        return True

    await in_lanes(one, 8)


def finished_calls(ids: list[str], now: int) -> dict[str, list[Row]]:
    """Return the events of async calls that are done, by service."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for call_id in ids:
        for service, after_ms, type_, data in _FINISHED_CALL:
            rows[service].append([now + int(after_ms * 1e6), str(type_), call_id, "cat", 1, data])
    return rows


async def in_lanes(one: Callable[[], Awaitable[bool]], lanes: int) -> None:
    """Repeat something in parallel until it returns False."""

    async def lane() -> None:
        while await one():
            pass

    async with asyncio.TaskGroup() as group:
        for number in range(lanes):
            group.create_task(lane(), name=f"lane {number}")


# -- publishing


@asynccontextmanager
async def empty_log() -> AsyncIterator[Publisher]:
    """Run a nats-server with an empty event log; yield its publisher."""
    with programs.scratch_folder() as folder:
        at = Path(folder)
        server = NatsServer(folder=at / "nats", store=at / "store", token=_TOKEN, max_body=1024 * 1024)
        command = server.prepare(find_nats_server(os.environ), -1)
        process = await asyncio.create_subprocess_exec(
            *command, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = (await server.wait_ready())["url"]
            client = Client()
            await client.connect(url, token=_TOKEN)
            await ensure_events(client.jetstream())
            publisher = Publisher(client)
            await publisher.start()
            yield publisher
            await client.close()
        finally:
            process.kill()
            await process.wait()


async def publishing_ms(lab: Publisher, empty: Publisher) -> tuple[float, float]:
    """Return the milliseconds of publishing a batch: to each, in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_PAIRS):
        for publisher, found in zip((lab, empty), times, strict=True):
            rows = [
                [time.time_ns(), str(EventType.CALL_RECEIVED), "probe", "cat", 1, {}] for _ in range(_EVENTS)
            ]
            batch = encode_batch("gateway", "probe", rows)
            begin = time.perf_counter()
            await publisher.publish(event_subject("gateway"), batch, {})
            found.append((time.perf_counter() - begin) * 1e3)
    return median(times[0]), median(times[1])
