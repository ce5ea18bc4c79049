"""Ends what waits for something in a lab that is reset, or that ends."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from labkit.clients.forked import keep
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import GatewayError, InspectorError, LabError, LabGoneError, LabResetError
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

P = ParamSpec("P")
T = TypeVar("T")

_CONSEQUENCES = (OSError, LabGoneError, GatewayError, InspectorError)
_CAUSE_SECONDS = 0.1
"""A lost connection may be noticed a moment before its cause, the lab's
end."""
_CLEAN_UP_SECONDS = 2.0


class LabWatch:
    """Learns from the supervisor, at once, that the lab is reset or ends.

    The supervisor keeps a request unanswered until then. If it is killed, the
    connection ends.
    """

    def __init__(self, supervisor: SupervisorClient, on_failure: OnFailure) -> None:
        """Create a watch that connects when something is guarded first."""
        self._supervisor = supervisor
        self._on_failure = on_failure
        self._waiting: set[asyncio.Future[Callable[[], LabError]]] = set()
        self._gone: Callable[[], LabError] | None = None
        self._pid = 0
        self._tasks = BackgroundTasks(on_failure)

    def start(self) -> None:
        """Watch from now on; idempotent."""
        if self._pid != os.getpid():
            keep(self._waiting, self._tasks)
            self._pid, self._waiting = os.getpid(), set()
            self._tasks = BackgroundTasks(self._on_failure)
            self._tasks.start(self._follow(), name="watch for the lab's reset or end")

    async def close(self) -> None:
        """Stop watching: the handle was stopped, and what it guards ends."""
        if self._pid == os.getpid():
            await self._tasks.cancel()
        self._end(self._gone or self._supervisor.gone)

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``, but not beyond a reset or the end of the lab.

        Raises:
            LabResetError: The lab was reset meanwhile; says when, and by whom.
            LabGoneError: The lab has ended; says when, and how.
        """
        self.start()
        if self._gone is not None:
            work.close()
            raise self._gone()
        change: asyncio.Future[Callable[[], LabError]] = asyncio.get_running_loop().create_future()
        self._waiting.add(change)
        task = asyncio.get_running_loop().create_task(work, name="guarded call")
        try:
            first: set[asyncio.Future[Any]] = {task, change}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled() and isinstance(task.exception(), _CONSEQUENCES):
                await asyncio.wait({change}, timeout=_CAUSE_SECONDS)
        finally:
            self._waiting.discard(change)
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_CLEAN_UP_SECONDS)
            failed = task.done() and (task.cancelled() or task.exception() is not None)
        if change.done() and (failed or not task.done()):
            raise change.result()() from None
        return task.result()

    async def _follow(self) -> None:
        number: int | None = None
        while True:
            try:
                news = await self._supervisor.next_announcement(number)
            except LabGoneError:
                self._end(lambda: self._supervisor.gone())
                return
            if number is not None and news["kind"] == "end":
                self._supervisor.end = news
                self._end(lambda: self._supervisor.gone())
                return
            if number is not None:
                self._tell(lambda news=news: _reset_error(news))  # type: ignore[misc]
            number = news["number"]

    def _end(self, error: Callable[[], LabError]) -> None:
        self._gone = error
        self._tell(error)

    def _tell(self, error: Callable[[], LabError]) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(error)


def _reset_error(news: dict[str, Any]) -> LabResetError:
    at = time.strftime("%H:%M:%S", time.localtime(news["at_ns"] / 1e9))
    return LabResetError(
        f"The lab was reset at {at} {news['how']}.",
        expected="a lab that keeps its functions and calls",
        seen="a reset, which deletes them",
        next_step="deploy the functions again: run the notebook from its first cell",
    )


def guarded(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Return a coroutine method that a reset or the lab's end interrupts.

    Its object's ``watch`` is the watch over its lab.
    """

    @wraps(method)
    async def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        watch: LabWatch = self.watch
        return await watch.guard(method(self, *args, **kwargs))

    return call
