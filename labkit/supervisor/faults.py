"""Fault injection: begins faults, ends them, and records both as events."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from labkit.service_names import GATEWAY, QUEUE_WORKER
from labkit.supervisor.exclusive_changes import ExclusiveChanges
from labkit.supervisor.lifecycle_events import LifecycleEvents
from labkit.supervisor.managed_service import ManagedService
from labkit.supervisor.managed_services import ManagedServices
from labkit.supervisor.service_specs import ServiceSpecs
from labkit.supervisor.slow_proxy import SlowProxy
from labkit.views.faults import FaultKind
from labkit.views.states import State
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.events import EventType
from labkit_services.runtime.background_tasks import BackgroundTasks

_ENDS_BY_ITSELF = (FaultKind.KILL, FaultKind.RESTART)


@dataclass(eq=False, slots=True)
class _ActiveFault:
    task: asyncio.Task[None]
    details: dict[str, Any]
    end_requested: asyncio.Event
    seconds: float | None = None
    since: float = field(default_factory=time.time)

    def to_json(self) -> dict[str, Any]:
        """Return what it is, since when, and when it ends by itself."""
        ends = self.since + self.seconds if self.seconds else None
        return {**self.details, "since": self.since, "ends": ends}


@dataclass(eq=False)
class Faults:
    """The faults that are active.

    A fault ends after its duration or on request. One that is cut off by a
    reset or by the end of the lab is not repaired: the reset or the next start
    does that.
    """

    specs: ServiceSpecs
    services: ManagedServices
    changes: ExclusiveChanges
    events: LifecycleEvents

    def __post_init__(self) -> None:
        self._active: dict[tuple[FaultKind, str], _ActiveFault] = {}
        # Errors of faults that failed while nobody waited for their end.
        self._failures: dict[tuple[FaultKind, str], LabError] = {}
        self._tasks = BackgroundTasks()

    def describe(self) -> list[dict[str, Any]]:
        """Return the active faults, as ``status`` shows them."""
        return [fault.to_json() for fault in self._active.values()]

    async def begin(
        self, kind: FaultKind, service: str, seconds: float | None, *, delay: float, bandwidth: float
    ) -> None:
        """Begin a fault; return as soon as it has taken effect.

        A kill or a restart waits until an earlier one of the same service is
        over.

        Args:
            kind: What to do. A service can have one fault of each kind at a
                time.
            service: To which service; a slow network always affects the
                queue-workers.
            seconds: For how long; None is until ``end``. A kill and a restart
                end by themselves.
            delay: Of a slow network: seconds that everything takes, each way.
            bandwidth: Of a slow network: bytes per second; 0 is unlimited.
        """
        key = kind, name = kind, self._target(kind, service)
        while earlier := self._active.get(key):
            if kind not in _ENDS_BY_ITSELF:
                headline, expected = f"{name} has this fault already", f"one {kind} at a time"
                raise InvalidValueError(headline, expected=expected, seen="a second one")
            await asyncio.wait({earlier.task})
        self._failures.pop(key, None)
        details: dict[str, Any] = {"fault": kind.value, "service": name}
        if kind is FaultKind.SLOW:
            details |= {"delay": delay, "bandwidth": bandwidth}
            effect = self._slow_network(delay, bandwidth)
        else:
            effect = self._affect(kind, self.services.named(name))
        if kind in _ENDS_BY_ITSELF:
            seconds = 0.0
        begun, end_requested = asyncio.Event(), asyncio.Event()

        async def run() -> None:
            self._record(EventType.FAULT_STARTED, details)
            try:
                async with effect:
                    begun.set()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(end_requested.wait(), seconds)
            except LabError as error:
                logging.error("fault %s of %s: %s", kind, name, str(error).replace("\n", " |"))
                self._failures[key] = error
            finally:
                del self._active[key]
                self._record(EventType.FAULT_ENDED, details)

        task = self._tasks.start(run(), name=f"fault {kind} of {name}")
        task.add_done_callback(lambda _: begun.set())  # it failed, or was cancelled before it ran
        self._active[key] = fault = _ActiveFault(task, details, end_requested, seconds)
        await begun.wait()
        fault.since = time.time()  # a worker that is stopped first finishes its calls
        self._raise_failure(key)

    async def end(self, kind: FaultKind, service: str, *, now: bool) -> None:
        """Wait until a fault is over; ``now`` ends it. Idempotent."""
        key = kind, self._target(kind, service)
        if fault := self._active.get(key):
            if now:
                fault.end_requested.set()
            await asyncio.wait({fault.task})
        self._raise_failure(key)

    async def close(self) -> None:
        """Cut off all faults."""
        await self._tasks.cancel()
        self._active.clear()  # the faults that were cancelled before their tasks ran

    def _target(self, kind: FaultKind, service: str) -> str:
        return QUEUE_WORKER if kind is FaultKind.SLOW else self.services.named(service).name

    def _raise_failure(self, key: tuple[FaultKind, str]) -> None:
        if error := self._failures.pop(key, None):
            raise error

    def _record(self, type_: EventType, details: dict[str, Any]) -> None:
        self.events.emit(type_, **details)
        logging.info("%s %s", type_, " ".join(f"{key}={value}" for key, value in details.items()))

    # -- what each kind does: how it begins, and how it ends

    @asynccontextmanager
    async def _affect(self, kind: FaultKind, service: ManagedService) -> AsyncIterator[None]:
        match kind:
            case FaultKind.KILL:
                before = service.restarts
                await service.kill()
                yield
                state = service.state
                while state is State.STARTING or (state is State.READY and service.restarts == before):
                    if service.is_held_up:
                        break  # it is started once that is over
                    state = await service.next_state()
            case FaultKind.STOP:
                await self.changes.run(lambda: self.services.stop(service))
                yield
                await self.changes.run(lambda: self.services.start(service))
            case FaultKind.PAUSE:
                service.send_signal(signal.SIGSTOP)
                yield
                service.send_signal(signal.SIGCONT)
            case _:
                yield
                await self.changes.run(lambda: self.services.restart([service]))

    @asynccontextmanager
    async def _slow_network(self, delay: float, bandwidth: float) -> AsyncIterator[None]:
        """Put a proxy between queue-workers and gateway.

        The workers are restarted for it; running calls finish on their old
        connections.
        """
        proxy = SlowProxy(self.specs.url_of[GATEWAY], delay=delay, bandwidth=bandwidth)
        try:
            self.specs.proxy_url = await proxy.start()
            await self.changes.run(lambda: self.services.restart(self.services.workers()))
            yield
            self.specs.proxy_url = ""
            await self.changes.run(lambda: self.services.restart(self.services.workers()))
        finally:
            self.specs.proxy_url = ""
            await proxy.stop()
