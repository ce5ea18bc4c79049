"""A deployed function: its spec, its replicas, and which of them takes the next call."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

from labkit_services.contract.errors import LabError
from labkit_services.contract.names import short_function_name
from labkit_services.gateway.logring import LogRing
from labkit_services.gateway.replica import Replica, ReplicaError, ReplicaState
from labkit_services.gateway.spec import FunctionSpec
from labkit_services.runtime.log import Log

_RESTART_SECONDS = (0.0, 0.2, 1.0, 5.0, 10.0)
"""Pauses before a replica that ended by itself is started again, by failures in a row."""

_PATIENT_FAILURES = 3
"""After so many in a row a call no longer waits for the next start."""

_STABLE_SECONDS = 10.0
"""A replica that lived so long has not failed."""

_DRAIN_SECONDS = 60.0
"""How long a replica that is replaced may work on the calls it has."""

StartReplica = Callable[["Function"], Replica]


class NoReplicaError(LabError):
    """No replica of the function is ready."""


class Function:
    """Keeps as many replicas running as were asked for.

    Attributes:
        spec: What was deployed last.
        wanted: Number of replicas asked for.
        logs: The last lines of all its replicas.
    """

    def __init__(self, spec: FunctionSpec, start: StartReplica, log: Log, *, wanted: int = 1) -> None:
        self.spec = spec
        self.wanted = wanted
        self.logs = LogRing()
        self._start = start
        self._log = log
        self._replicas: list[Replica] = []
        self._turn = itertools.count()
        self._changed = asyncio.Event()
        self._failures = 0
        self._problem = ""
        self._removed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._used_at = asyncio.get_running_loop().time()

    @property
    def name(self) -> str:
        """The name as the learner wrote it."""
        return short_function_name(self.spec.key)

    def available(self) -> int:
        """Return how many replicas take calls."""
        return sum(replica.state is ReplicaState.READY for replica in self._replicas)

    def idle_since(self, now: float) -> float:
        """Return for how many seconds no call has been taken or running."""
        return 0.0 if any(replica.in_flight for replica in self._replicas) else now - self._used_at

    def pids(self) -> list[int]:
        """Return the process ids of its watchdogs, each the leader of a group."""
        return [replica.pid for replica in self._replicas if replica.state is ReplicaState.READY]

    # -- taking calls

    def pick(self) -> Replica | None:
        """Return the replica whose turn it is, or None if none is ready."""
        self._used_at = asyncio.get_running_loop().time()
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
            self._changed.clear()
            remaining = deadline - asyncio.get_running_loop().time()
            if self._removed or remaining <= 0 or self._is_hopeless():
                raise NoReplicaError(
                    expected=f"a replica of {self.name} that takes calls",
                    seen=self._problem or f"none within {patience:g} s",
                    log=self.logs.tail(5),
                )
            try:
                await asyncio.wait_for(self._changed.wait(), remaining)
            except TimeoutError:
                continue  # the look at the deadline says it

    def _is_hopeless(self) -> bool:
        starting = any(replica.state is ReplicaState.STARTING for replica in self._replicas)
        return self._failures >= _PATIENT_FAILURES and not starting

    # -- keeping replicas

    def _living(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica.state is not ReplicaState.DRAINING]

    def scale(self, wanted: int) -> None:
        """Ask for another number of replicas."""
        self.wanted = wanted
        self._failures = 0
        self.reconcile()

    def reconcile(self) -> None:
        """Start or drain replicas until there are ``wanted``."""
        living = self._living()
        for _ in range(self.wanted - len(living)):
            if self._launch() is None:
                return
        for replica in living[self.wanted :]:
            self._spawn(replica.drain(_DRAIN_SECONDS))

    async def update(self, spec: FunctionSpec, wanted: int) -> None:
        """Replace every replica by one of the new spec; old ones finish what they have.

        If no new one becomes ready, the old ones go on, as in a cluster.
        """
        old = self._living()
        self.spec = spec
        self.wanted = wanted
        self._failures = 0
        launched = [self._launch() for _ in range(wanted)]
        new = [replica for replica in launched if replica is not None]
        for replica in new:
            with contextlib.suppress(ReplicaError):  # told by _welcome
                await replica.ready()
        if wanted and not any(replica.state is ReplicaState.READY for replica in new):
            self._log.warning("update failed, the old replicas go on", function=self.name)
            return
        for replica in old:
            self._spawn(replica.drain(_DRAIN_SECONDS))

    async def remove(self, grace: float) -> None:
        """End every replica, each after its calls in flight."""
        self._removed = True
        self._changed.set()
        await asyncio.gather(*(replica.drain(grace) for replica in list(self._replicas)))
        for task in list(self._tasks):
            task.cancel()

    def _launch(self) -> Replica | None:
        try:
            replica = self._start(self)
        except (OSError, LabError) as error:
            self._failed(f"could not start: {error}")
            self._restart_later()
            return None
        self._replicas.append(replica)
        self._spawn(self._welcome(replica))
        return replica

    async def _welcome(self, replica: Replica) -> None:
        try:
            await replica.ready()
        except ReplicaError as error:
            self._failed(error.seen)
            return
        self._log.info("replica ready", function=self.name, instance=replica.instance)
        self._changed.set()
        await asyncio.sleep(_STABLE_SECONDS)
        if replica.state is ReplicaState.READY:
            self._failures = 0

    def _failed(self, problem: str) -> None:
        self._failures += 1
        self._problem = problem
        self._log.warning("replica failed", function=self.name, problem=problem)
        self._changed.set()  # those who wait shall see it

    def on_gone(self, replica: Replica) -> None:
        """Forget a replica that ended; start another if that was not asked for."""
        if replica in self._replicas:
            self._replicas.remove(replica)
        if not self._removed and len(self._living()) < self.wanted:
            if replica.was_ready:
                self._failed(f"{replica.instance} ended by itself")
            self._restart_later()

    def _restart_later(self) -> None:
        pause = _RESTART_SECONDS[min(self._failures, len(_RESTART_SECONDS)) - 1]

        async def restart() -> None:
            await asyncio.sleep(pause)
            if not self._removed:
                self.reconcile()

        self._spawn(restart())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
