"""Background tasks that are named, kept alive, and watched for failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

OnFailure = Callable[[str, BaseException], None]

_CANCEL_SECONDS = 1.0


class BackgroundTasks:
    """The background tasks of one owner.

    The event loop keeps only weak references to its tasks, and nobody awaits a
    background task: without this, one could vanish or fail unnoticed.
    """

    def __init__(self, on_failure: OnFailure | None = None) -> None:
        """Call ``on_failure`` with the name and exception of each failed task.

        A cancelled task has not failed. By default the loop's exception
        handler logs failures.
        """
        self._on_failure = on_failure or _report_to_loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run ``coroutine`` as a task of the running loop."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def cancel(self) -> None:
        """Cancel all tasks and wait a second at most until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)


def _report_to_loop(name: str, error: BaseException) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"background task failed: {name}", "exception": error}
    )
