"""Long work in the event loop, with turns for everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

_TURN_SECONDS = 0.01
T = TypeVar("T")


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items; after ten milliseconds let others run first.

    Their work between two items counts, too. Captures would wait for a list
    of a hundred thousand requests otherwise.
    """
    begin = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - begin > _TURN_SECONDS:
            await asyncio.sleep(0)
            begin = time.perf_counter()
