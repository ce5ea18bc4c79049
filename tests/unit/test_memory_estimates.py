"""What is counted as memory is about what Python takes."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.event_log import finished_calls
from labkit_services.call_record.call_index import CallIndex
from labkit_services.call_record.log import CallLog
from labkit_services.contract.events import Row, decode_batch, encode_batch
from labkit_services.jetstream.confirmed_batches import ConfirmedBatches
from labkit_services.jetstream.event_follower import HISTORY_BYTES
from labkit_services.runtime.background_tasks import BackgroundTasks

MEGABYTE = 1_000_000
LOOSE = 2 * MEGABYTE
"""Events that are not packed yet, and the tables of what calls share."""


def batches(calls: int, attempts: int) -> list[bytes]:
    """Return the messages of async calls, a hundred calls or attempts in each."""
    found = []
    for _ in range(0, calls, 100 // attempts):
        ids = [str(uuid.uuid4()) for _ in range(100 // attempts)]
        rows: dict[str, list[Row]] = defaultdict(list)
        for attempt in range(attempts):
            for service, of_service in finished_calls(ids, time.time_ns() + attempt * 10**9).items():
                rows[service] += [[*row[:4], attempt + 1, row[5]] for row in of_service]
        found += [encode_batch(service, f"{service}-4711", each) for service, each in rows.items()]
    return found


def full_index(bodies: list[bytes], limit: int = 10_000) -> CallIndex:
    index = CallIndex(CallLog(limit))
    for body in bodies:
        index.apply(decode_batch(body))
    while index.is_stale:
        index.refresh(1_000)
    return index


def memory_of(make: Callable[[], Any]) -> tuple[Any, int]:
    """Return what ``make`` makes, and the bytes that it still takes."""
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return made, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("calls", "attempts"), [(4_000, 1), (1_000, 5), (300, 20)])
def test_the_calls_of_a_full_index_take_about_what_the_log_counts(calls: int, attempts: int) -> None:
    bodies = batches(calls, attempts)

    index, taken = memory_of(lambda: full_index(bodies))

    assert len(index) == calls
    assert index.log.size == pytest.approx(taken - 0.6 * MEGABYTE, rel=0.2)
    assert taken < calls * (1_300 + 1_100 * attempts) + LOOSE


def test_fewer_calls_are_kept_if_they_have_many_events() -> None:
    limit = 200
    bodies = batches(400, 20)

    index, taken = memory_of(lambda: full_index(bodies, limit))

    assert 10 < len(index.log) < limit
    assert index.log.dropped == 400 - len(index.log)
    assert index.log.size <= limit * 3_000
    assert taken < limit * 3_000 * 1.25 + LOOSE


def test_calls_that_nobody_lists_take_no_more_memory_than_the_limit() -> None:
    bodies = batches(3_000, 1)

    def follow() -> CallIndex:
        index = CallIndex(CallLog(limit=100))
        for body in bodies:
            index.apply(decode_batch(body))
        return index

    index, taken = memory_of(follow)

    assert (len(index.log), index.log.dropped) == (100, 2_900)
    assert taken < 100 * 2_100 + LOOSE


def test_the_history_is_as_long_as_the_events_of_ten_thousand_calls() -> None:
    assert sum(map(len, batches(10_000, 1))) == pytest.approx(HISTORY_BYTES, rel=0.2)


class Deaf:
    """A client whose messages nobody confirms."""

    is_connected = False

    def new_inbox(self) -> str:
        return "_INBOX.test"

    async def subscribe(self, *_: object, **__: object) -> None: ...

    async def publish(self, *_: object) -> None: ...


@pytest.mark.parametrize(("size", "promised"), [(50_000, 8 * 1024 * 1024), (4_000, 2_000 * 4_000)])
def test_batches_that_are_not_confirmed_take_about_what_is_promised(size: int, promised: int) -> None:
    async def send() -> int:
        lost: list[int] = []
        tasks = BackgroundTasks()
        unconfirmed = ConfirmedBatches(Deaf(), tasks, lost.append)  # type: ignore[arg-type]
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(3_000):
                await unconfirmed.send("lab.events.test", bytes([number % 256]) * size)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            assert sum(lost) >= 1_000
            await tasks.cancel()

    assert asyncio.run(send()) == pytest.approx(promised, rel=0.2)
