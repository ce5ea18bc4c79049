"""One replica: its state, and the watchdog that is run for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from labkit_services.contract.errors import LabError
from labkit_services.http import Origin

_READY_SECONDS = 30.0
"""Longer than a watchdog waits for its process to listen, so that the watchdog
reports the cause."""

_TERM_SECONDS = 0.5
_KILL_SECONDS = 5.0


class ReplicaState(StrEnum):
    """Where a replica is in its life."""

    STARTING = "starting"
    READY = "ready"  # takes calls
    DRAINING = "draining"  # takes no new calls, finishes those in flight
    GONE = "gone"


class ReplicaError(LabError):
    """A function's watchdog did not start."""


@dataclass(frozen=True)
class ReplicaCallbacks:
    """What a replica calls when something happens."""

    on_log: Callable[[str, str], None]  # with the instance's name and a line
    on_event: Callable[[list[Any]], None]  # with [time_ns, type, call_id, data]
    on_gone: Callable[[Replica], None]  # once its watchdog has ended


class WatchdogReports(Protocol):
    """What a runner reports while its watchdog runs."""

    def started(self, instance: str) -> None:
        """The watchdog has started, and has this name from now on."""

    def ready(self, origin: Origin) -> None:
        """The watchdog takes calls at ``origin``."""

    def log(self, line: str) -> None:
        """The watchdog or the function has logged a line."""

    def event(self, row: list[Any]) -> None:
        """The watchdog has sent an event: [time_ns, type, call_id, data]."""


class WatchdogRunner(Protocol):
    """Runs one watchdog, as a process or in a container."""

    async def run(self, reports: WatchdogReports) -> str:
        """Start the watchdog; return how it ended, once nothing of it is left.

        OSError and LabError mean that it could not be started.
        """

    async def terminate(self) -> None:
        """Ask the watchdog to end; also before it has started."""

    async def kill(self) -> None:
        """End the watchdog and whatever it started, immediately."""

    async def usage(self) -> ReplicaUsage:
        """Return what the watchdog and its function use."""


@dataclass(frozen=True, slots=True)
class ReplicaUsage:
    """CPU in millicores, memory in bytes."""

    cpu: float = 0.0
    memory: int = 0


class Replica:
    """A watchdog that takes calls once it is ready."""

    def __init__(self, name: str, runner: WatchdogRunner, callbacks: ReplicaCallbacks) -> None:
        """Prepare a replica; ``run`` starts it."""
        self.state = ReplicaState.STARTING
        self.instance = name  # in logs and events; unique, once started
        self.was_ready = False
        self.is_ending = False  # on purpose, so that its end is no failure
        self.end = ""  # how it ended
        self.in_flight = 0
        self.origin = Origin("127.0.0.1", 0)  # where it listens, once ready
        self.usage = runner.usage
        self._runner = runner
        self._callbacks = callbacks
        self._started = asyncio.Event()  # or ended before that
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle = asyncio.Event()
        self._gone = asyncio.Event()

    async def ready(self) -> None:
        """Wait until it listens; raise ReplicaError if it ends or is late.

        Its time begins with its start: an image may have to be pulled before.
        """
        await self._started.wait()
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.shield(self._ready)
        except TimeoutError:
            await self._runner.kill()
            expected = f"a watchdog ready within {_READY_SECONDS:g} s"
            raise ReplicaError(expected=expected, seen="none; it was killed") from None

    async def run(self) -> None:
        """Run the watchdog, and return when it has ended."""
        seen = "it was cancelled"
        try:
            seen = await self._runner.run(_Reports(self, self._callbacks))
        except (OSError, LabError) as error:
            problem = error.headline if isinstance(error, LabError) else str(error)
            seen = f"it was lost: {problem}" if self.was_ready else f"it could not be started: {problem}"
        finally:
            self._end(seen)

    def become_ready(self, origin: Origin) -> None:
        """Take calls from now on, unless it is ending already."""
        self.origin = origin
        if self.state is ReplicaState.STARTING:
            self.state = ReplicaState.READY
            self.was_ready = True
        if not self._ready.done():
            self._ready.set_result(None)

    def become_started(self, instance: str) -> None:
        """Note the watchdog's start."""
        self.instance = instance
        self._started.set()

    def _end(self, seen: str) -> None:
        """Wake all who wait for the replica."""
        self.state = ReplicaState.GONE
        self.end = seen
        self._started.set()
        self._gone.set()
        if not self._ready.done():
            self._ready.set_exception(ReplicaError(expected="a watchdog that stays up", seen=seen))
            self._ready.exception()  # retrieved: it is no error if nobody awaits it
        self._callbacks.on_gone(self)

    def begin_call(self) -> None:
        """Count a call that starts."""
        self.in_flight += 1

    def end_call(self) -> None:
        """Count a call that has ended."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self._idle.set()

    async def drain(self, grace: float) -> None:
        """Take no new calls; end after the running ones or ``grace`` s."""
        self.is_ending = True
        if self.state is not ReplicaState.GONE:
            self.state = ReplicaState.DRAINING
        self._idle.clear()
        if self.in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
        await self._runner.terminate()
        try:
            await asyncio.wait_for(self._gone.wait(), _TERM_SECONDS)
        except TimeoutError:
            await self._runner.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), _KILL_SECONDS)


class _Reports:
    """What a runner reports, as changes of a replica."""

    def __init__(self, replica: Replica, callbacks: ReplicaCallbacks) -> None:
        self.started = replica.become_started
        self.ready = replica.become_ready
        self.event = callbacks.on_event
        self._replica = replica
        self._on_log = callbacks.on_log

    def log(self, line: str) -> None:
        self._on_log(self._replica.instance, line)
