"""A body that arrives in parts, with back-pressure to the socket it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

HIGH_WATER = 256 * 1024
"""Bytes held unread before the sender is made to wait."""


class Flow(Protocol):
    """What can be told to read no further: a transport, or a connection that has a say in it."""

    def pause_reading(self) -> None:
        """Read nothing until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Read on."""


class Body:
    """Filled by a protocol, emptied by a reader.

    The protocol calls ``feed``, then ``finish`` or ``fail``. One task reads,
    by ``async for``. When more than ``HIGH_WATER`` bytes wait, the flow
    stops, so memory stays constant whatever the size.

    Attributes:
        complete: Everything has arrived; some of it may still be unread.
        full: The sender is waiting for the reader.
        on_wait: Called once, when the reader first has to wait: until then a
            sender that asked for it need not be told to go on.
    """

    __slots__ = ("_error", "_flow", "_parts", "_size", "_waiter", "complete", "full", "on_wait")

    def __init__(self, flow: Flow | None = None) -> None:
        self.complete = False
        self.full = False
        self.on_wait: Callable[[], None] | None = None
        self._flow = flow
        self._parts: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take the next part from the wire."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and self._flow is not None:
            self.full = True
            self._flow.pause_reading()
        self._wake()

    def finish(self) -> None:
        """Note that nothing more will come; the flow may carry the next message."""
        self.complete = True
        self._let_flow()
        self._wake()

    def fail(self, error: Exception) -> None:
        """Note that the rest will never come: the reader gets ``error``."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def _let_flow(self) -> None:
        if self.full and self._flow is not None:
            self.full = False
            self._flow.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> bytes:
        """Return what has arrived and was not yet read."""
        if not self._parts:
            return b""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._let_flow()
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
                if self.on_wait is not None:
                    on_wait, self.on_wait = self.on_wait, None
                    on_wait()
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
                self._waiter = None
