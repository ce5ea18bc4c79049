"""One coroutine on an event loop that another thread runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LoopWork(Generic[T]):
    """A coroutine, from its begin to its end; made by the waiting thread.

    Attributes:
        ended: Set when it has ended, however.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, T],
        loop: asyncio.AbstractEventLoop,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.ended = threading.Event()
        self._coroutine = coroutine
        self._loop = loop
        self._on_end = on_end
        self._task: asyncio.Task[T] | None = None

    def begin(self) -> None:
        """Have the loop's thread start it."""
        self._loop.call_soon_threadsafe(self._create_task)

    def cancel(self) -> None:
        """Cancel it, also if it has not begun."""
        self._loop.call_soon_threadsafe(self._cancel_task)

    def result(self) -> T:
        """Return its result, or raise its error; it must have ended."""
        assert self._task is not None
        return self._task.result()

    def _create_task(self) -> None:
        self._task = self._loop.create_task(self._coroutine, name="blocking call")
        self._task.add_done_callback(self._end)

    def _cancel_task(self) -> None:
        if self._task is None:  # interrupted in the moment before its begin
            self._coroutine.close()
            self.ended.set()
        else:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # retrieved, even if nobody waits for it any more
        self.ended.set()
        self._on_end()
