"""Changes to the lab, carried out one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from labkit.errors import LabGoneError

T = TypeVar("T")


class ExclusiveChanges:
    """Runs changes one after the other, until the lab stops."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._lock = asyncio.Lock()
        self._running: asyncio.Task[Any] | None = None

    async def run(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a change after all earlier ones; return its result."""
        async with self._lock:
            if self._stopping.is_set():
                raise LabGoneError("The lab is being stopped.")
            # A task of its own, so that `cancel` ends the change and not the
            # task that asked for it.
            self._running = task = asyncio.create_task(change(), name="change of the lab")
            await asyncio.wait([task])
            if task.cancelled():
                raise LabGoneError("The lab is being stopped.")
            return task.result()

    async def cancel(self) -> None:
        """Cancel the change that is running and wait until it has ended."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running])
