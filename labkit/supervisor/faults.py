"""Failure drills: what goes wrong on purpose, when it began, and when it is over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from labkit.service_names import QUEUE_WORKER
from labkit.supervisor.slow_proxy import Relay
from labkit.views.states import State
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.events import EventType

if TYPE_CHECKING:
    from labkit.supervisor.managed_service import Unit
    from labkit.supervisor.supervisor import Supervisor

_LOOK_SECONDS = 0.01


class FaultKind(StrEnum):
    """What can go wrong."""

    KILL = "kill"  # SIGKILL; over when the service is back
    STOP = "stop"  # ended politely, and started again at the end
    PAUSE = "pause"  # SIGSTOP, at the end SIGCONT: it holds its connections and does not answer
    RESTART = "restart"  # ended politely and started again at once
    SLOW = "slow"  # the network between the queue-workers and the gateway


_ENDS_BY_ITSELF = (FaultKind.KILL, FaultKind.RESTART)


@dataclass(eq=False)
class _Fault:
    """A fault that is there; ``told`` is what the record says of it."""

    kind: FaultKind
    service: str
    seconds: float | None
    told: dict[str, Any]
    since: float = field(default_factory=time.time)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    enough: asyncio.Event = field(default_factory=asyncio.Event)


class Faults:
    """Begins faults and ends them, and notes both in the record.

    A fault ends after its time, or when it is told to. One that is cut off by the end
    of the lab, or by a reset, is not mended: what comes next does that.
    """

    def __init__(self, lab: Supervisor) -> None:
        self._lab = lab
        self._tasks: dict[tuple[FaultKind, str], tuple[_Fault, asyncio.Task[None]]] = {}

    def describe(self) -> list[dict[str, Any]]:
        """Return what is wrong now, as ``status`` shows it."""
        return [{**fault.told, "since": fault.since} for fault, _ in self._tasks.values()]

    async def begin(
        self, kind: FaultKind, service: str, seconds: float | None, *, delay: float, bandwidth: float
    ) -> None:
        """Begin a fault; return as soon as it is there.

        Args:
            kind: What goes wrong.
            service: With what; a slow network is always the queue-workers'.
            seconds: How long; None is until ``end``. A kill and a restart end by themselves.
            delay: Seconds that everything takes on a slow network, each way.
            bandwidth: Bytes a second that it carries; 0 is unbounded.

        Raises:
            LabError: There is no such service, or it has that fault already.
        """
        name = self._name(kind, service)
        if (kind, name) in self._tasks:
            raise InvalidValueError(
                f"{name} has this fault already", expected=f"one {kind} at a time", seen="a second one"
            )
        told: dict[str, Any] = {"fault": kind.value, "service": name}
        if kind is FaultKind.SLOW:
            told |= {"delay": delay, "bandwidth": bandwidth}
            how: AbstractAsyncContextManager[None] = self._slow(delay, bandwidth)
        else:
            how = self._with_unit(kind, self._lab.units.named(name))
        fault = _Fault(kind, name, 0.0 if kind in _ENDS_BY_ITSELF else seconds, told)
        task = asyncio.get_running_loop().create_task(self._live(fault, how))
        self._tasks[kind, name] = fault, task
        task.add_done_callback(lambda _: self._tasks.pop((kind, name)))
        begun = asyncio.ensure_future(fault.begun.wait())
        await asyncio.wait({begun, task}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if not fault.begun.is_set():
            task.result()

    async def end(self, kind: FaultKind, service: str, *, now: bool) -> None:
        """Return when a fault is over; if there is none, at once.

        Raises:
            LabError: What was to be mended is still broken.
        """
        found = self._tasks.get((kind, self._name(kind, service)))
        if found is None:
            return
        fault, task = found
        if now:
            fault.enough.set()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    async def close(self) -> None:
        """Cut all faults off."""
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _name(self, kind: FaultKind, service: str) -> str:
        return QUEUE_WORKER if kind is FaultKind.SLOW else self._lab.units.named(service).spec.name

    async def _live(self, fault: _Fault, how: AbstractAsyncContextManager[None]) -> None:
        with self.noted(fault.told):
            try:
                async with how:
                    fault.begun.set()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(fault.enough.wait(), fault.seconds)
            except LabError as error:
                logging.error("fault %s of %s: %s", fault.kind, fault.service, str(error).replace("\n", " |"))
                raise

    @contextmanager
    def noted(self, told: Mapping[str, Any]) -> Iterator[None]:
        """Note in record and log that something goes wrong on purpose for the length of the block."""
        self._note(EventType.FAULT_STARTED, told)
        try:
            yield
        finally:
            self._note(EventType.FAULT_ENDED, told)

    def _note(self, type_: EventType, told: Mapping[str, Any]) -> None:
        self._lab.record.emit(type_, **told)
        logging.info("%s %s", type_, " ".join(f"{key}={value}" for key, value in told.items()))

    # -- the kinds

    def _with_unit(self, kind: FaultKind, unit: Unit) -> AbstractAsyncContextManager[None]:
        match kind:
            case FaultKind.KILL:
                return self._killed(unit)
            case FaultKind.STOP:
                return self._stopped(unit)
            case FaultKind.PAUSE:
                return self._paused(unit)
            case _:
                return self._restarted(unit)

    @asynccontextmanager
    async def _killed(self, unit: Unit) -> AsyncIterator[None]:
        before = unit.restarts
        await unit.kill()
        yield
        # The unit's guard brings it back, or gives it up.
        while unit.restarts == before or unit.state is State.STARTING:
            if unit.state in (State.FAILED, State.STOPPED, State.STOPPING):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    @asynccontextmanager
    async def _stopped(self, unit: Unit) -> AsyncIterator[None]:
        await self._lab.exclusively(lambda: self._lab.units.stop(unit))
        yield
        await self._lab.exclusively(lambda: self._lab.units.start(unit))

    @asynccontextmanager
    async def _paused(self, unit: Unit) -> AsyncIterator[None]:
        unit.pause()
        yield
        unit.resume()

    @asynccontextmanager
    async def _restarted(self, unit: Unit) -> AsyncIterator[None]:
        yield
        await self._lab.exclusively(lambda: self._lab.units.restart([unit]))

    @asynccontextmanager
    async def _slow(self, delay: float, bandwidth: float) -> AsyncIterator[None]:
        """Lead the queue-workers to the gateway by a relay; running calls finish on their old way."""
        lab = self._lab
        relay = Relay(lab.plan.gateway_url, delay=delay, bandwidth=bandwidth)
        try:
            lab.plan.relay_url = await relay.start()
            await lab.exclusively(lambda: lab.units.restart(lab.units.workers()))
            yield
            lab.plan.relay_url = ""
            await lab.exclusively(lambda: lab.units.restart(lab.units.workers()))
        finally:
            lab.plan.relay_url = ""
            await relay.stop()
