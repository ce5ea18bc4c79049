"""Doing one thing again and again, and timing it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from statistics import median
from typing import Any, TypeVar

from benchmarks.statistic import Figures, percentile

T = TypeVar("T")


def on_fast_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the loop that the services use."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def repeat(
    once: Callable[[], Awaitable[None]], *, in_flight: int, seconds: float = 0.0, calls: int = 0
) -> Figures:
    """Do something again and again, ``in_flight`` at a time, for a time or a number of times."""
    latencies: list[float] = []
    begin = time.perf_counter()
    end = begin + seconds if seconds else float("inf")
    left = calls or sys.maxsize

    async def lane() -> None:
        nonlocal left
        while left > 0 and time.perf_counter() < end:
            left -= 1
            started = time.perf_counter()
            await once()
            latencies.append(time.perf_counter() - started)

    await asyncio.gather(*(lane() for _ in range(in_flight)))
    elapsed = time.perf_counter() - begin
    return {
        "requests": len(latencies),
        "seconds": elapsed,
        "per_second": len(latencies) / elapsed,
        "ms": median(latencies) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }
