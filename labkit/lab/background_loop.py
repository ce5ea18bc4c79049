"""The hub: one thread with one event loop, on which all of this process's lab I/O lives.

Never the notebook kernel's own loop: it stands still while a cell blocks, and
the lab's connections and live views must not. ``labkit/lab/flavours.py`` makes both flavours of the
interface from the same coroutines: ``run`` waits for one, ``awaitable`` lends one to
another loop.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from labkit_services.contract.errors import LabTimeoutError

T = TypeVar("T")

_CANCEL_SECONDS = 3.0
"""How long something that is called off may take to tidy up."""
_EXIT_SECONDS = 1.0
_TICK_SECONDS = 0.05


class Hub:
    """A daemon thread that runs an event loop."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="labkit-hub", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def run(
        self,
        coroutine: Coroutine[Any, Any, T],
        timeout: float,
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> T:
        """Run ``coroutine`` on the hub and wait for its result.

        ``meanwhile`` is called in the waiting thread now and then, and once at
        the end: what is printed belongs to the thread that runs the cell.

        Jupyter's stop button (KeyboardInterrupt) calls the coroutine off; the
        lab lives on.

        Raises:
            LabTimeoutError: It took longer than ``timeout`` seconds.
            RuntimeError: Called on the hub itself, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("this would wait on the hub for the hub: await the coroutine instead")
        tasks: list[asyncio.Task[T]] = []
        ended = threading.Event()

        def begin() -> None:
            task = self.loop.create_task(coroutine)
            task.add_done_callback(lambda _: ended.set())
            tasks.append(task)

        def call_off() -> None:
            tasks[0].cancel()

        self.loop.call_soon_threadsafe(begin)
        try:
            in_time = _wait(ended, timeout, meanwhile)
        except BaseException:
            # KeyboardInterrupt: what the coroutine holds is let go before the cell ends.
            self.loop.call_soon_threadsafe(call_off)
            ended.wait(_CANCEL_SECONDS)
            raise
        if not in_time:
            self.loop.call_soon_threadsafe(call_off)
            ended.wait(_CANCEL_SECONDS)
            raise LabTimeoutError(
                expected=f"an end within {timeout:g} s", next_step="look at the lab with: lab.status()"
            )
        return tasks[0].result()

    async def awaitable(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the hub, awaited on whatever loop this is."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def close(self) -> None:
        """End what still runs on the loop, the loop, and its thread."""
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self._finish()))
        self._thread.join(2 * _EXIT_SECONDS)

    async def _finish(self) -> None:
        # Connections that nobody closed would complain when the loop goes from under them.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_EXIT_SECONDS)
        self.loop.stop()


def _wait(ended: threading.Event, timeout: float, meanwhile: Callable[[], None] | None) -> bool:
    if meanwhile is None:
        return ended.wait(timeout)
    deadline = time.monotonic() + timeout
    while not ended.wait(_TICK_SECONDS) and time.monotonic() < deadline:
        meanwhile()
    meanwhile()
    return ended.is_set()


_hub: Hub | None = None
_lock = threading.Lock()


def hub() -> Hub:
    """Return this process's hub; a forked child, which has no threads, gets one of its own."""
    global _hub
    with _lock:
        if _hub is None or _hub.pid != os.getpid():
            _hub = Hub()
            atexit.register(_hub.close)
        return _hub
