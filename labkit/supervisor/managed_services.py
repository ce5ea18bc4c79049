"""All services of the lab: the order of start and stop, and scaling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER, full_name
from labkit.supervisor.child_processes import ChildProcesses
from labkit.supervisor.files import LogFile
from labkit.supervisor.lifecycle_events import LifecycleEvents
from labkit.supervisor.managed_service import ManagedService
from labkit.supervisor.service_specs import DRAIN_SECONDS, ServiceSpec, ServiceSpecs
from labkit.supervisor.start_timeline import StartTimeline
from labkit.views.states import State
from labkit_services.contract.errors import InvalidValueError, LabError
from labkit_services.contract.function_providers import end_seconds

_STOP_SECONDS = 2.0
"""How long all of them together may take to stop before they are killed, if
functions are processes."""
_STOP_ORDER = (
    # Clients stop before the services that they use. Each group must end by
    # its time.
    ((QUEUE_WORKER,), 0.8),
    ((GATEWAY, INSPECTOR), 1.5),
    ((NATS_SERVER,), _STOP_SECONDS),
)
_RESTART_GRACE_SECONDS = 1.0
_DRAIN_GRACE_SECONDS = DRAIN_SECONDS + 2.0
"""A queue-worker that is restarted alone finishes its running calls."""


@dataclass(eq=False)
class ManagedServices:
    """Every service, in the order of their start."""

    specs: ServiceSpecs
    processes: ChildProcesses
    events: LifecycleEvents
    timeline: StartTimeline
    _by_name: dict[str, ManagedService] = field(default_factory=dict, init=False)

    def __iter__(self) -> Iterator[ManagedService]:
        return iter(list(self._by_name.values()))

    def named(self, name: str) -> ManagedService:
        """Return a service by its full or its short name."""
        try:
            return self._by_name[full_name(name)]
        except KeyError:
            if self.specs.external_nats and full_name(name) == NATS_SERVER:
                raise InvalidValueError(
                    "not available here: the lab does not own this nats-server",
                    expected="one of its own services: " + ", ".join(self._by_name),
                    seen=self.specs.external_nats.login.url,
                    next_step="stop or pause a node of NATS itself; or start a lab without nats=",
                ) from None
            expected = ", ".join(self._by_name)
            raise InvalidValueError(f"there is no service {name!r}", expected=expected) from None

    def workers(self) -> list[ManagedService]:
        """Return the queue-workers."""
        return [service for service in self if service.kind == QUEUE_WORKER]

    # -- all of them

    async def start_all(self, deadline: float) -> None:
        """Bring all to ready by ``deadline`` (loop time)."""
        for spec in self.specs.specs() if not self._by_name else ():
            self._add(spec)
        if self.specs.external_nats is None:
            await self._start_in_turn((NATS_SERVER,), deadline)
        # The workers need the gateway's address, which is known in advance
        # after a reset.
        workers = tuple(worker.name for worker in self.workers())
        sequences = [(GATEWAY,), workers] if self.specs.url_of[GATEWAY] else [(GATEWAY, *workers)]
        try:
            async with asyncio.TaskGroup() as group:
                for names in (*sequences, (INSPECTOR,)):
                    group.create_task(self._start_in_turn(names, deadline), name=f"start {', '.join(names)}")
        except ExceptionGroup as group:
            # The first is enough: most often the others are its consequences.
            # Not ``except*``: up to Python 3.11.3 what it raises is a group
            # again.
            raise (group.subgroup(LabError) or group).exceptions[0] from None

    async def _start_in_turn(self, names: tuple[str, ...], deadline: float) -> None:
        for name in names:
            service, requested_ns = self._by_name[name], time.time_ns()
            try:
                await service.start(deadline)
            finally:
                started_ns = max(requested_ns, service.process_ns)
                self.timeline.add(f"{name}: its process", requested_ns, started_ns)
                self.timeline.add(f"{name}: to ready", started_ns)

    async def stop_all(self) -> None:
        """Stop all in two seconds, without waiting for work in progress.

        Where functions are containers, removing these may take longer.
        Before nats-server stops, it is recorded what the store holds, and
        after that, what its consumers' files hold.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for kinds, seconds in _STOP_ORDER:
            extra = self._end_seconds if GATEWAY in kinds or NATS_SERVER in kinds else 0.0
            grace = begin + seconds + extra - loop.time()
            services = [service for service in self if service.kind in kinds]
            if kinds == (NATS_SERVER,) and any(service.state is State.READY for service in services):
                await self.specs.recovery.record(self.specs.url_of[NATS_SERVER], at_rest=True)
            await asyncio.gather(*(service.stop(grace, hurry=True) for service in services))
        if self.specs.external_nats is None:
            self.specs.recovery.seal()

    def restore_workers(self) -> None:
        """Return to the settings' queue-workers, while all are stopped."""
        self.specs.max_inflight_of.clear()
        count = self.specs.settings.workers
        workers = self.workers()
        for worker in workers[count:]:
            del self._by_name[worker.name]
        for number in range(len(workers) + 1, count + 1):
            self._add(self.specs.worker(number))

    @property
    def _end_seconds(self) -> float:
        return end_seconds(self.specs.settings.functions)

    # -- one of them

    async def stop(self, service: ManagedService) -> None:
        """Stop a service; a queue-worker finishes its running calls."""
        if service.kind == QUEUE_WORKER:
            grace = _DRAIN_GRACE_SECONDS
        else:
            grace = _RESTART_GRACE_SECONDS + (self._end_seconds if service.kind == GATEWAY else 0.0)
        await service.stop(grace)

    async def start(self, service: ManagedService) -> None:
        """Start a service that was stopped or has failed."""
        await service.start(self._deadline(), wait_for_obstacle=True)

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.specs.settings.timeout

    async def restart(self, services: Sequence[ManagedService]) -> None:
        """Stop services and start them again, on the same ports."""
        await asyncio.gather(*map(self.stop, services))
        await asyncio.gather(*map(self.start, services))

    async def scale_workers(self, count: int) -> None:
        """Scale to ``count`` queue-workers; removed ones finish calls."""
        workers = self.workers()
        for number in range(len(workers) + 1, count + 1):
            worker = self._add(self.specs.worker(number))
            try:
                await worker.start(self._deadline())
            except BaseException:
                del self._by_name[worker.name]
                raise
        await asyncio.gather(*map(self._remove, workers[count:]))

    def _add(self, spec: ServiceSpec) -> ManagedService:
        workspace = self.specs.workspace
        log = LogFile(workspace.logs / f"{spec.name}.log")
        service = ManagedService(spec, self.processes, self.events, log, workspace.root)
        self._by_name[spec.name] = service
        return service

    async def _remove(self, service: ManagedService) -> None:
        await self.stop(service)
        del self._by_name[service.name]
