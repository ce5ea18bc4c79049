"""The lab's services together: in which order they start and stop, and how many workers there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER, full_name, kind_of
from labkit.supervisor.children import Children
from labkit.supervisor.events import Record
from labkit.supervisor.logfile import LogFile
from labkit.supervisor.managed_service import Spec, Unit
from labkit.supervisor.service_specs import DRAIN_SECONDS, Plan
from labkit.supervisor.timeline import Timeline
from labkit.workspace import Workspace
from labkit_services.contract.errors import InvalidValueError, LabError

STOP_SECONDS = 2.0
"""How long all of them may take to end politely."""
_STOP_ORDER = (
    # Those that use others go first; each group's share of STOP_SECONDS ends here.
    ((QUEUE_WORKER,), 0.8),
    ((GATEWAY, INSPECTOR), 1.5),
    ((NATS_SERVER,), STOP_SECONDS),
)
_RESTART_GRACE_SECONDS = 1.0
_DRAIN_GRACE_SECONDS = DRAIN_SECONDS + 2.0
"""A queue-worker that is restarted alone lets running calls finish."""


class Units:
    """Every service, by name, in the order of their start."""

    def __init__(
        self, plan: Plan, children: Children, record: Record, workspace: Workspace, timeline: Timeline
    ) -> None:
        self._plan = plan
        self._children = children
        self._record = record
        self._workspace = workspace
        self._timeline = timeline
        self._by_name: dict[str, Unit] = {}

    def __iter__(self) -> Iterator[Unit]:
        return iter(list(self._by_name.values()))

    def named(self, name: str) -> Unit:
        """Return a service by its name, or by what it is called for short.

        Raises:
            InvalidValueError: There is none.
        """
        try:
            return self._by_name[full_name(name)]
        except KeyError:
            expected = ", ".join(self._by_name)
            raise InvalidValueError(f"there is no service {name!r}", expected=expected) from None

    def workers(self) -> list[Unit]:
        """Return the queue-workers."""
        return [unit for unit in self if kind_of(unit.spec.name) == QUEUE_WORKER]

    # -- all of them

    async def start_all(self, deadline: float) -> None:
        """Bring all to ready by ``deadline`` (loop time).

        Raises:
            LabError: One did not become ready.
        """
        for spec in self._plan.specs() if not self._by_name else ():
            self._add(spec)
        await self._start_one(NATS_SERVER, deadline)
        # The worker must know where the gateway is; after a reset it does from the start.
        workers = tuple(unit.spec.name for unit in self.workers())
        in_turn = [(GATEWAY,), workers] if self._plan.gateway_url else [(GATEWAY, *workers)]
        try:
            async with asyncio.TaskGroup() as group:
                for names in (*in_turn, (INSPECTOR,)):
                    group.create_task(self._start_in_turn(names, deadline))
        except* LabError as errors:
            # One is enough to read; the others are most often its consequence.
            raise errors.exceptions[0] from None

    async def _start_in_turn(self, names: tuple[str, ...], deadline: float) -> None:
        for name in names:
            await self._start_one(name, deadline)

    async def _start_one(self, name: str, deadline: float) -> None:
        unit, asked_ns = self._by_name[name], time.time_ns()
        try:
            await unit.start(deadline)
        finally:
            started_ns = max(asked_ns, unit.process_ns)
            self._timeline.add(f"{name}: its process", asked_ns, started_ns)
            self._timeline.add(f"{name}: to ready", started_ns)

    async def stop_all(self) -> None:
        """End all within ``STOP_SECONDS``; nobody waits for what they have under way."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for names, share in _STOP_ORDER:
            grace = begin + share - loop.time()
            units = [unit for unit in self if kind_of(unit.spec.name) in names]
            await asyncio.gather(*(unit.stop(grace, hurry=True) for unit in units))

    # -- one of them

    async def stop(self, unit: Unit) -> None:
        """End a service politely; a queue-worker lets running calls finish."""
        drains = kind_of(unit.spec.name) == QUEUE_WORKER
        await unit.stop(_DRAIN_GRACE_SECONDS if drains else _RESTART_GRACE_SECONDS)

    async def start(self, unit: Unit) -> None:
        """Start a service that was stopped, or that was given up.

        Raises:
            LabError: It did not become ready.
        """
        await unit.start(asyncio.get_running_loop().time() + self._plan.settings.timeout)

    async def restart(self, units: Sequence[Unit]) -> None:
        """End services politely and start them again, on the same ports."""
        await asyncio.gather(*map(self.stop, units))
        await asyncio.gather(*map(self.start, units))

    async def scale_workers(self, count: int) -> None:
        """Have so many queue-workers; those that go let their calls finish.

        Raises:
            LabError: One did not become ready.
        """
        workers = self.workers()
        for number in range(len(workers) + 1, count + 1):
            unit = self._add(self._plan.worker(number))
            try:
                await self.start(unit)
            except BaseException:
                del self._by_name[unit.spec.name]
                raise
        await asyncio.gather(*map(self._remove, workers[count:]))

    def _add(self, spec: Spec) -> Unit:
        log = LogFile(self._workspace.logs / f"{spec.name}.log")
        unit = self._by_name[spec.name] = Unit(spec, self._children, self._record, log, self._workspace.root)
        return unit

    async def _remove(self, unit: Unit) -> None:
        await self.stop(unit)
        del self._by_name[unit.spec.name]
