"""A body that arrives in parts, with back-pressure on its sender."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Protocol

HIGH_WATER = 256 * 1024
"""Unread bytes above which reading from the sender pauses."""


class FlowControl(Protocol):
    """Pauses and resumes the source of a body, as transports do."""

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Continue reading."""


class Body:
    """A body, filled by a protocol and consumed by one reader.

    The protocol calls ``feed``, then ``finish`` or ``fail``. One task reads
    with ``async for``. Above ``HIGH_WATER`` unread bytes the source is paused,
    so memory stays constant whatever the size.

    Attributes:
        complete: Everything has arrived; some of it may still be unread.
        full: The source is paused.
        on_wait: Called once, when the reader first has to wait: the moment to
            send ``100 Continue``.
    """

    __slots__ = ("_error", "_flow", "_parts", "_size", "_waiter", "complete", "full", "on_wait")

    def __init__(self, flow: FlowControl | None = None) -> None:
        self.complete = False
        self.full = False
        self.on_wait: Callable[[], None] | None = None
        self._flow = flow
        self._parts: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Add the next part."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > HIGH_WATER and self._flow is not None:
            self.full = True
            self._flow.pause_reading()
        self._wake()

    def finish(self) -> None:
        """Mark the end; the source may go on with the next message."""
        self.complete = True
        self._resume()
        self._wake()

    def fail(self, error: Exception) -> None:
        """Mark an incomplete body as broken: the reader gets ``error``."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def _resume(self) -> None:
        if self.full and self._flow is not None:
            self.full = False
            self._flow.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> bytes:
        """Return what has arrived and is still unread."""
        if not self._parts:
            return b""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._resume()
        return data

    async def read(self, enough: float = math.inf) -> bytes:
        """Return the whole body; or stop once it has ``enough`` bytes."""
        if self.complete:
            # Most bodies arrive together with the head: there is nothing to
            # wait for.
            return self.take()
        parts, size = [], 0
        async for part in self:
            parts.append(part)
            size += len(part)
            if size >= enough:
                break
        return b"".join(parts)

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
