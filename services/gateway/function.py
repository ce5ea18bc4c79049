"""A deployed function: its spec, its replicas, and which of them takes the next call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from services.contract.errors import LabError
from services.contract.names import short_function_name
from services.gateway.logring import LogRing
from services.gateway.replica import Replica, ReplicaError, ReplicaState
from services.gateway.spec import FunctionSpec
from services.log import Log

_RESTART_SECONDS = (0.0, 0.2, 1.0, 5.0, 10.0)
"""Pauses before a replica that ended by itself is started again."""

StartReplica = Callable[["Function"], Replica]


class NoReplicaError(LabError):
    """No replica of the function is ready."""


class Function:
    """Keeps as many replicas running as were asked for.

    Attributes:
        spec: What was deployed last.
        wanted: Number of replicas asked for.
        invocations: Calls answered, for ``invocationCount``.
    """

    def __init__(self, spec: FunctionSpec, start: StartReplica, log: Log, *, wanted: int = 1) -> None:
        self.spec = spec
        self.wanted = wanted
        self.invocations = 0
        self.logs = LogRing()
        self._start = start
        self._log = log
        self._replicas: list[Replica] = []
        self._turn = itertools.count()
        self._ready = asyncio.Event()
        self._failures = 0
        self._problem = ""
        self._removed = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The name as the learner wrote it."""
        return short_function_name(self.spec.key)

    def available(self) -> int:
        """Return how many replicas take calls."""
        return sum(replica.state is ReplicaState.READY for replica in self._replicas)

    def status(self, *, with_invocations: bool) -> dict[str, object]:
        """Return OpenFaaS's ``FunctionStatus``."""
        return self.spec.status(
            replicas=self.wanted,
            available=self.available(),
            invocations=self.invocations if with_invocations else None,
        )

    # -- taking calls

    def pick(self) -> Replica | None:
        """Return the replica whose turn it is, or None if none is ready."""
        ready = [replica for replica in self._replicas if replica.state is ReplicaState.READY]
        return ready[next(self._turn) % len(ready)] if ready else None

    async def wait_ready(self, patience: float) -> Replica:
        """Return a replica, waiting for one that is starting.

        Raises:
            NoReplicaError: None came within ``patience`` seconds, or none can.
        """
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            if replica := self.pick():
                return replica
            self._ready.clear()
            remaining = deadline - asyncio.get_running_loop().time()
            if self._removed or remaining <= 0 or self._failures >= len(_RESTART_SECONDS):
                raise NoReplicaError(
                    expected=f"a replica of {self.name} that takes calls",
                    seen=self._problem or f"none within {patience:g} s",
                    log=self.logs.tail(5),
                )
            try:
                await asyncio.wait_for(self._ready.wait(), remaining)
            except TimeoutError:
                continue  # the look at the deadline says it

    # -- keeping replicas

    def reconcile(self) -> None:
        """Start or drain replicas until there are ``wanted``."""
        living = [replica for replica in self._replicas if replica.state is not ReplicaState.DRAINING]
        for _ in range(self.wanted - len(living)):
            self._spawn(self._start_one(0.0))
        for replica in living[self.wanted :]:
            self._retire(replica, grace=60.0)

    async def _start_one(self, pause: float) -> None:
        if pause:
            await asyncio.sleep(pause)
        if self._removed:
            return
        try:
            replica = self._start(self)
        except (OSError, LabError) as error:
            self._failed(f"could not start: {error}")
            return
        self._replicas.append(replica)
        try:
            await replica.ready()
        except ReplicaError as error:
            self._failed(error.seen)
            return
        self._failures = 0
        self._log.info("replica ready", function=self.name, instance=replica.instance)
        self._ready.set()

    def _failed(self, problem: str) -> None:
        self._failures += 1
        self._problem = problem
        self._log.warning("replica failed", function=self.name, problem=problem)
        self._ready.set()  # those who wait shall see it

    def on_gone(self, replica: Replica) -> None:
        """Forget a replica that ended; start another if that was not asked for."""
        if replica in self._replicas:
            self._replicas.remove(replica)
        if self._removed or len(self._replicas) >= self.wanted:
            return
        if self._failures >= len(_RESTART_SECONDS):
            self._log.error("replica keeps failing, given up", function=self.name, problem=self._problem)
            return
        self._spawn(self._start_one(_RESTART_SECONDS[self._failures]))

    async def update(self, spec: FunctionSpec, wanted: int) -> None:
        """Replace every replica by one of the new spec; old ones finish what they have."""
        self.spec = spec
        self.wanted = wanted
        self._failures = 0
        old = [replica for replica in self._replicas if replica.state is not ReplicaState.DRAINING]
        starts = [asyncio.ensure_future(self._start_one(0.0)) for _ in range(wanted)]
        if starts:
            await asyncio.wait(starts)
        for replica in old:
            self._retire(replica, grace=60.0)

    async def remove(self, grace: float) -> None:
        """End every replica, each after its calls in flight."""
        self._removed = True
        self._ready.set()
        await asyncio.gather(*(replica.drain(grace) for replica in list(self._replicas)))
        for task in list(self._tasks):
            task.cancel()

    def _retire(self, replica: Replica, grace: float) -> None:
        self._spawn(replica.drain(grace))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
