"""A deployed function: its replicas, and which of them takes the next call."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable

from labkit_services.contract.errors import LabError
from labkit_services.contract.names import short_function_name
from labkit_services.gateway.functions.log_ring import LogRing
from labkit_services.gateway.functions.replica import Replica, ReplicaError, ReplicaState
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log import Log

_RESTART_SECONDS = (0.0, 0.2, 1.0, 5.0, 10.0)
"""Delays before a replica that ended by itself is restarted, by consecutive
failures."""

_MAX_FAILURES = 3
"""After this many consecutive failures a call no longer waits for the next
start."""

_STABLE_SECONDS = 10.0
"""A replica that has run this long resets the count of failures."""

_DRAIN_SECONDS = 60.0
"""How long a replaced replica may take to finish its calls in flight."""

StartReplica = Callable[["DeployedFunction"], Replica]


class NoReplicaError(LabError):
    """No replica of the function is ready."""


class DeployedFunction:
    """Keeps the wanted number of replicas running."""

    def __init__(self, spec: FunctionSpec, start: StartReplica, log: Log, *, wanted: int = 1) -> None:
        self.spec = spec  # the latest deployment
        self.wanted = wanted
        self.logs = LogRing()  # of all its replicas
        self._start = start
        self._log = log
        self._replicas: list[Replica] = []
        self._turn = itertools.count()
        self._changed = asyncio.Event()
        self._failures = 0
        self._last_failure = ""
        self._removed = False
        self._tasks = BackgroundTasks(log.task_failed)
        self._used_at = asyncio.get_running_loop().time()

    @property
    def name(self) -> str:
        """The name without the default namespace."""
        return short_function_name(self.spec.key)

    def ready_replicas(self) -> list[Replica]:
        """Return the replicas that take calls."""
        return [replica for replica in self._replicas if replica.state is ReplicaState.READY]

    def idle_seconds(self, now: float) -> float:
        """Return the seconds at loop time ``now`` since the last call."""
        return 0.0 if any(replica.in_flight for replica in self._replicas) else now - self._used_at

    # -- taking calls

    def pick(self) -> Replica | None:
        """Return the next ready replica in turn, None if none is ready."""
        self._used_at = asyncio.get_running_loop().time()
        ready = self.ready_replicas()
        return ready[next(self._turn) % len(ready)] if ready else None

    async def wait_ready(self, timeout: float) -> Replica:
        """Return a replica, waiting for one that is starting.

        Raises:
            NoReplicaError: None was ready within ``timeout`` seconds, or none
                will be.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            if replica := self.pick():
                return replica
            self._changed.clear()
            remaining = deadline - asyncio.get_running_loop().time()
            if self._removed or remaining <= 0 or self._keeps_failing():
                raise NoReplicaError(
                    expected=f"a replica of {self.name} that is ready for calls",
                    seen=self._last_failure or f"none within {timeout:g} s",
                    log=self.logs.tail(5),
                )
            with contextlib.suppress(TimeoutError):  # the next iteration raises
                await asyncio.wait_for(self._changed.wait(), remaining)

    def _keeps_failing(self) -> bool:
        starting = any(replica.state is ReplicaState.STARTING for replica in self._replicas)
        return self._failures >= _MAX_FAILURES and not starting

    # -- keeping replicas

    def _active(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica.state is not ReplicaState.DRAINING]

    def scale(self, wanted: int) -> None:
        """Set the number of replicas."""
        self.wanted = wanted
        self._failures = 0
        self.reconcile()

    def reconcile(self) -> None:
        """Start or drain replicas until there are ``wanted``."""
        active = self._active()
        for _ in range(self.wanted - len(active)):
            if self._launch() is None:
                return
        self._drain(active[self.wanted :])

    async def update(self, spec: FunctionSpec, wanted: int) -> None:
        """Replace every replica; the old ones finish their calls.

        If no new replica becomes ready, the old ones stay, as in a cluster.
        """
        old = self._active()
        self.spec = spec
        self.wanted = wanted
        self._failures = 0
        new = [replica for _ in range(wanted) if (replica := self._launch())]
        for replica in new:
            with contextlib.suppress(ReplicaError):  # logged by _watch_start
                await replica.ready()
        if wanted and not any(replica.state is ReplicaState.READY for replica in new):
            self._log.warning("update failed, the old replicas go on", function=self.name)
            return
        self._drain(old)

    async def remove(self, grace: float) -> None:
        """End every replica, after at most ``grace`` seconds for its calls."""
        self._removed = True
        self._changed.set()
        await asyncio.gather(*(replica.drain(grace) for replica in list(self._replicas)))
        await self._tasks.cancel()

    def _drain(self, replicas: list[Replica]) -> None:
        for replica in replicas:
            self._tasks.start(replica.drain(_DRAIN_SECONDS), name=f"drain {replica.instance}")

    def _launch(self) -> Replica | None:
        try:
            replica = self._start(self)
        except (OSError, LabError) as error:
            self._note_failure(f"could not start: {error}")
            self._restart_later()
            return None
        self._replicas.append(replica)
        self._tasks.start(replica.run(), name=f"run a replica of {self.name}")
        self._tasks.start(self._watch_start(replica), name=f"watch a start of {self.name}")
        return replica

    async def _watch_start(self, replica: Replica) -> None:
        try:
            await replica.ready()
        except ReplicaError as error:
            if not replica.is_ending:
                self._note_failure(error.seen)
            return
        self._log.info("replica ready", function=self.name, instance=replica.instance)
        self._changed.set()
        await asyncio.sleep(_STABLE_SECONDS)
        if replica.state is ReplicaState.READY:
            self._failures = 0

    def _note_failure(self, problem: str) -> None:
        self._failures += 1
        self._last_failure = problem
        self._log.warning("replica failed", function=self.name, problem=problem)
        self._changed.set()  # waiting calls may have to fail now

    def on_gone(self, replica: Replica) -> None:
        """Forget a replica that ended; start another if it is missing."""
        if replica in self._replicas:
            self._replicas.remove(replica)
        if not self._removed and len(self._active()) < self.wanted:
            if replica.was_ready:
                self._note_failure(f"{replica.instance}: {replica.end}")
                self.logs.append(replica.instance, f"The replica failed: {replica.end}")
            self._restart_later()

    def _restart_later(self) -> None:
        # A failure before it was ready is counted a moment later.
        delay = _RESTART_SECONDS[min(max(self._failures, 1), len(_RESTART_SECONDS)) - 1]

        async def restart() -> None:
            await asyncio.sleep(delay)
            if not self._removed:
                self.reconcile()

        self._tasks.start(restart(), name=f"restart a replica of {self.name}")
