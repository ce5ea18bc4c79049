"""One lock for each key, which exists only while a task holds or awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyedLocks:
    """Changes of one key follow one another; other keys are independent."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def held(self) -> list[str]:
        """Return the keys whose lock is held or awaited."""
        return list(self._locks)

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of ``key``."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            yield
