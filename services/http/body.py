"""A body that arrives in parts, with back-pressure to the socket it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

HIGH_WATER = 256 * 1024
"""Bytes held unread before the sender is made to wait."""


class Body:
    """Filled by a protocol, emptied by a reader.

    The protocol calls ``feed``, then ``finish`` or ``fail``. One task reads,
    by ``async for``. When more than ``HIGH_WATER`` bytes wait, the transport
    stops reading, so memory stays constant whatever the size.
    """

    __slots__ = ("_error", "_parts", "_size", "_transport", "_waiter", "complete")

    def __init__(self, transport: asyncio.Transport | None = None) -> None:
        self.complete = False
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take the next part from the wire."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def finish(self) -> None:
        """Note that nothing more will come."""
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Note that the rest will never come: the reader gets ``error``."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> bytes:
        """Return what has arrived and was not yet read."""
        if not self._parts:
            return b""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if self._size > HIGH_WATER and self._transport is not None:
            self._transport.resume_reading()
        self._size = 0
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            if data := self.take():
                yield data
            elif self.complete:
                return
            elif self._error is not None:
                raise self._error
            else:
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
                self._waiter = None
