"""Fault injection: what breaks in the lab on purpose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from labkit.clients.lab_watch import guarded
from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.lab.arguments import checked
from labkit.lab.background_loop import MANAGE_SECONDS, DualContextManager, background_loop, blocking
from labkit.lab.faults import FaultHandle, FaultTarget, check_fault, during
from labkit.lab.interrupts import short_interrupt
from labkit.lab.methods.parts import LabParts
from labkit.lab.notes import announced
from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER
from labkit.views.faults import FaultKind, FaultList
from labkit_services.call_record.fault_spans import fault_spans


class AsyncLabFaultInjection(LabParts):
    """``LabFaultInjection``, as coroutines."""

    def service(self, name: str) -> FaultTarget:
        """Return a service by its name, such as ``queue-worker-2``.

        Raises:
            InvalidValueError: There is no such service.
        """
        return FaultTarget(name, self.supervisor)

    @property
    def nats(self) -> FaultTarget:
        """The nats-server: ``with lab.nats.stopped():``."""
        return self.service(NATS_SERVER)

    @property
    def gateway(self) -> FaultTarget:
        """The gateway: ``with lab.gateway.stopped():``."""
        return self.service(GATEWAY)

    @property
    def worker(self) -> FaultTarget:
        """The first queue-worker: ``with lab.worker.paused():``."""
        return self.service(QUEUE_WORKER)

    @property
    def inspector(self) -> FaultTarget:
        """The inspector: ``with lab.inspector.stopped():``."""
        return self.service(INSPECTOR)

    def slow_network(self, delay: float = 0.2, *, bandwidth: float = 0.0) -> DualContextManager:
        """Slow the network between workers and gateway for a ``with`` block.

        The workers are restarted at its beginning and at its end; running
        calls finish.

        Args:
            delay: Seconds of delay, each way.
            bandwidth: Bytes per second, each way, of one connection; 0 is
                unlimited.
        """
        fault = during(self.supervisor, FaultKind.SLOW, QUEUE_WORKER, delay=delay, bandwidth=bandwidth)
        return DualContextManager(fault)

    @guarded
    async def fault(
        self,
        service: str,
        kind: str,
        *,
        after: float = 0.0,
        seconds: float = 1.0,
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Inject one fault, as ``Lab.fault``; return when it is over.

        ``on_begun`` is called on the lab's event loop as soon as the fault is
        active.
        """
        check_fault(service, kind, after, seconds)
        await asyncio.sleep(after)
        fault = FaultKind(kind)
        await self.supervisor.begin_fault(fault, service, seconds=seconds)
        on_begun()
        await self.supervisor.end_fault(fault, service, now=False, timeout=seconds + CHANGE_SECONDS)

    def missing_faults(self) -> FaultHandle | None:
        """Return what stands for a fault where none can be injected."""
        return None

    @guarded
    async def faults(self) -> FaultList:
        """Return all processes' injected faults, oldest first.

        All since this process first read the event log, and those of the ten
        minutes before.
        """
        events = await self.connections.call_events()
        await events.catch_up()
        return FaultList(fault_spans(events.lab_events))


class LabFaultInjection:
    """Fault injection: what breaks in the lab on purpose."""

    _async: AsyncLabFaultInjection

    faults = blocking(AsyncLabFaultInjection.faults)
    service = blocking(AsyncLabFaultInjection.service)
    slow_network = blocking(AsyncLabFaultInjection.slow_network)

    @property
    def nats(self) -> FaultTarget:
        """The nats-server: ``with lab.nats.stopped():``."""
        return self._async.nats

    @property
    def gateway(self) -> FaultTarget:
        """The gateway: ``with lab.gateway.stopped():``."""
        return self._async.gateway

    @property
    def worker(self) -> FaultTarget:
        """The first queue-worker: ``with lab.worker.paused():``."""
        return self._async.worker

    @property
    def inspector(self) -> FaultTarget:
        """The inspector: ``with lab.inspector.stopped():``."""
        return self._async.inspector

    @checked
    def fault(self, service: str, kind: str, *, after: float = 0.0, seconds: float = 1.0) -> FaultHandle:
        """Inject one fault while the notebook goes on.

        Args:
            service: ``nats``, ``gateway``, ``worker`` or ``inspector``, or a
                full name.
            kind: ``kill``, ``stop``, ``pause`` or ``restart``.
            after: Seconds until it begins; with 0 it is active when this
                returns.
            seconds: How long a ``stop`` or a ``pause`` lasts; the others end
                by themselves.

        Raises:
            InvalidValueError: There is no such service or fault, or a time is
                out of range.
        """
        check_fault(service, kind, after, seconds)
        if (missing := self._async.missing_faults()) is not None:
            return announced(missing)
        begun = threading.Event()
        work = self._async.fault(service, kind, after=after, seconds=seconds, on_begun=begun.set)
        future = asyncio.run_coroutine_threadsafe(work, background_loop().loop)
        future.add_done_callback(lambda _: begun.set())
        if not after:
            with short_interrupt(lambda: f"{kind} of {service} begins all the same"):
                begun.wait(MANAGE_SECONDS)
        return FaultHandle(f"{kind} of {service}", future)
