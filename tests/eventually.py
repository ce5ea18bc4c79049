"""Waiting in tests for a condition: the one polling loop that they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

WITHIN_SECONDS = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.04
"""Short enough to see a state that lasts a tenth of a second."""


def eventually(check: Callable[[], T | None], what: object = None, *, within: float = WITHIN_SECONDS) -> T:
    """Return the first truthy result of ``check``, or fail."""
    for pause in _pauses(within):
        if result := check():
            return result
        time.sleep(pause)
    return _last(check(), what or check, within)


async def eventually_async(
    check: Callable[[], T | None], what: object = None, *, within: float = WITHIN_SECONDS
) -> T:
    """Wait as ``eventually`` does, while the event loop runs on."""
    for pause in _pauses(within):
        if result := check():
            return result
        await asyncio.sleep(pause)
    return _last(check(), what or check, within)


def _pauses(within: float) -> Iterator[float]:
    deadline = time.monotonic() + within
    pause = _FIRST_PAUSE
    while time.monotonic() < deadline:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _last(result: T | None, what: object, within: float) -> T:
    assert result, f"not within {within:g} s: {what}; seen: {result!r}"
    return result
