"""The system under test: a lab as labkit starts it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from labkit.lab.async_lab import AsyncLab
from labkit.service_names import NATS_SERVER
from labkit.supervisor.settings import Settings
from labkit.views.faults import FaultKind
from labkit.views.states import State
from labkit_services.contract.errors import LabError
from tests.chaos.schedule import ChaosTarget, FaultAction
from tests.small_disk import SmallDisk

WATCHDOG = ChaosTarget("watchdog", rest=1.0)
FORK_SERVER = ChaosTarget("fork-server", (FaultAction.KILL, FaultAction.STOP), rest=4.0)
"""Rests longer: if it dies within 3 s of its start, nothing restarts it."""
STORE = ChaosTarget("store", (FaultAction.DAMAGE,), group="nats-server", rest=5.0, weight=1)
DISK = ChaosTarget("disk", (FaultAction.FILL,), group="nats-server", rest=6.0, weight=2)
"""Both share a group with nats-server, which they stop or restart."""
CALLBACK_TARGET = ChaosTarget("callback-target", (FaultAction.AWAY,), weight=1)

RETRIES = {
    # Faults use up attempts, too: enough attempts that only a failing function causes dead letters.
    "max_retry_attempts": "30",
    "initial_retry_wait": "200ms",
    "max_retry_wait": "2s",
    "callback_attempts": "7",
    "initial_callback_wait": "200ms",
    "max_callback_wait": "4s",
    "drain_timeout": "3s",
}
MAX_INFLIGHT = 10
ACK_WAIT = "3s"
START_SECONDS = 60.0
_RESTART_SECONDS = 60.0


class SystemUnderTest(Protocol):
    """Services that a supervisor restarts, and that may get faults.

    Attributes:
        targets: Possible targets of faults.
        folder: Folder of all files that they write.
        logs: The folder of their logs.
        gateway_url: URL of the gateway, the same after a restart.
        user: User of the gateway's API.
        password: Password of the gateway's API.
    """

    targets: tuple[ChaosTarget, ...]
    folder: Path
    logs: Path
    gateway_url: str
    user: str
    password: str

    async def start(self) -> None:
        """Start everything; return when it is ready."""

    async def stop(self) -> None:
        """Stop everything."""

    async def pids(self) -> dict[str, int]:
        """Return the process ids of the running services, by name."""

    async def pids_of(self, target: str) -> list[int]:
        """Return the process ids that a target has at this moment."""

    async def restart(self, service: str) -> None:
        """Restart a service; try again if that fails."""

    async def fill_disk(self, seconds: float) -> None:
        """Fill the disk of the store for ``seconds``."""

    async def damage_store(self, pick: int) -> None:
        """Damage a file of a queue that costs no message; see it named."""

    async def failed_services(self) -> list[str]:
        """Return the services that stay down, each with the reason."""


def watchdogs(gateway: int) -> list[int]:
    """Return the replicas of a gateway: its children or its siblings."""
    with suppress(psutil.Error):
        process = psutil.Process(gateway)
        family = [*process.children(), *psutil.Process(process.ppid()).children()]
        return [child.pid for child in family if _runs("labkit_services.watchdog", child)]
    return []


def _runs(module: str, process: psutil.Process) -> bool:
    with suppress(psutil.Error):  # ended, reaped or not
        return module in process.cmdline()
    return False


class LabStack:
    """A lab with its own supervisor."""

    targets: tuple[ChaosTarget, ...] = (
        ChaosTarget("nats-server", group="nats-server"),
        ChaosTarget("gateway"),
        ChaosTarget("queue-worker"),
        ChaosTarget("inspector", weight=1),
        WATCHDOG,
        FORK_SERVER,
        CALLBACK_TARGET,
        STORE,
    )

    def __init__(self, folder: Path, disk: SmallDisk | None = None) -> None:
        """Run in ``folder``; its workspace is on ``disk``, if there is one.

        Functions log their runs in the folder, also while that disk is full.
        """
        self.folder = folder
        self._disk = disk
        self._workspace = disk.folder if disk else folder
        self.logs = self._workspace / ".labkit" / "logs"
        if disk:
            self.targets = (*self.targets, DISK)
        self.gateway_url = self.user = self.password = ""
        self._lab: AsyncLab | None = None

    @property
    def lab(self) -> AsyncLab:
        """The lab, once it is started."""
        assert self._lab is not None
        return self._lab

    async def start(self) -> None:
        """Start everything; return when it is ready."""
        settings = Settings(
            workspace=str(self._workspace),
            timeout=START_SECONDS,
            gateway_port=0,
            inspector_port=0,
            max_inflight=MAX_INFLIGHT,
            ack_wait=ACK_WAIT,
            environment=RETRIES,
        )
        self._lab = await AsyncLab.start(settings, attach=False)
        state = self._lab.state
        self.gateway_url, self.user, self.password = state.gateway_url, state.user, state.password

    async def stop(self) -> None:
        """Stop everything."""
        if self._lab is not None:
            await self._lab.stop()

    async def pids(self) -> dict[str, int]:
        """Return the process ids of the running services, by name."""
        status = await self.lab.status()
        services = {service.name: service.pid for service in status.services if service.pid}
        return {"supervisor": self.lab.state.pid, **services}

    async def pids_of(self, target: str) -> list[int]:
        """Return the process ids that a target has at this moment."""
        if target == FORK_SERVER.name:
            children = psutil.Process(self.lab.state.pid).children()
            return [child.pid for child in children if _runs("labkit_services.fork_server", child)]
        pids = await self.pids()
        name = "gateway" if target == WATCHDOG.name else target
        if name not in pids:
            return []
        return watchdogs(pids[name]) if target == WATCHDOG.name else [pids[name]]

    async def restart(self, service: str) -> None:
        """Restart a service; try again if that fails."""
        async with asyncio.timeout(_RESTART_SECONDS):
            while True:
                try:
                    return await self.lab.restart(service)
                except LabError:  # a service that it needs is down at this moment
                    await asyncio.sleep(0.5)

    async def failed_services(self) -> list[str]:
        """Return the services that stay down, each with the reason."""
        status = await self.lab.status()
        return [f"{one.name}: {one.error}" for one in status.services if one.state is State.FAILED]

    async def fill_disk(self, seconds: float) -> None:
        """Fill the disk of the store for ``seconds``."""
        assert self._disk is not None
        await asyncio.to_thread(self._disk.fill)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._disk.free()

    async def damage_store(self, pick: int) -> None:
        """Damage a file of a queue that costs no message; see it named."""
        supervisor = self.lab.supervisor
        await supervisor.begin_fault(FaultKind.STOP, NATS_SERVER)
        try:
            # Only those with workers: who lists dead letters makes a consumer for a moment.
            streams = self._workspace / ".labkit/jetstream/jetstream/$G/streams"
            queues = sorted(streams.glob("OF_*/obs/faas-workers"))
            folder = queues[pick % len(queues)].parents[1]
            damaged = ("obs/faas-workers/o.dat", "obs/faas-workers/meta.inf", "meta.sum")[pick % 3]
            (folder / damaged).write_bytes(b"damaged")
        finally:
            await supervisor.end_fault(FaultKind.STOP, NATS_SERVER, now=True)
        found = " ".join((await self.lab.status()).damage)
        assert f"{folder.name}/{damaged}".rpartition("/")[0] in found, f"{damaged} is not named: {found}"
