"""A system under test: a cluster of three nats-servers, two workers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from labkit.supervisor.child_process import ChildProcess
from labkit.supervisor.child_processes import ChildProcesses, ProcessSpec
from labkit.supervisor.files import LogFile
from labkit.supervisor.lifecycle_events import LifecycleEvents
from labkit.supervisor.managed_service import ManagedService
from labkit.supervisor.nats_server import NatsServer, find_nats_server
from labkit.supervisor.service_specs import ReadyMessage, ServiceSpec
from labkit.views.states import State
from labkit_services.contract.errors import LabError
from labkit_services.runtime.held_port import reserve_port
from labkit_services.runtime.private_files import write_private
from tests.chaos.schedule import ChaosTarget
from tests.chaos.stack import (
    ACK_WAIT,
    CALLBACK_TARGET,
    MAX_INFLIGHT,
    RETRIES,
    START_SECONDS,
    WATCHDOG,
    watchdogs,
)

NODES = ("nats-1", "nats-2", "nats-3")
WORKERS = ("worker-1", "worker-2")
_NODE_REST_SECONDS = 8.0
"""Pause between faults on nodes: two of three must agree."""
_TOKEN = "chaos"
_PASSWORD = "chaos"
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Node(NatsServer):
    """labkit's nats-server as a member of a cluster.

    Attributes:
        name: Name of this member.
        route: Its port for the other members.
        routes: Those ports of the other members.
    """

    name: str = ""
    route: int = 0
    routes: tuple[int, ...] = ()

    def config(self, port: int) -> str:
        """Return labkit's configuration with the cluster added."""
        routes = ", ".join(f'"nats://127.0.0.1:{other}"' for other in self.routes)
        cluster = f'cluster {{ name: "chaos", listen: "127.0.0.1:{self.route}", routes: [{routes}] }}\n'
        return super().config(port).replace('server_name: "lab"', f'server_name: "{self.name}"') + cluster


class ClusterStack:
    """The lab's services on three nats-servers."""

    targets: tuple[ChaosTarget, ...] = (
        *(ChaosTarget(name, group="nats", rest=_NODE_REST_SECONDS, weight=3) for name in NODES),
        ChaosTarget("gateway"),
        *(ChaosTarget(name, group=name) for name in WORKERS),
        ChaosTarget("inspector", weight=1),
        WATCHDOG,
        CALLBACK_TARGET,
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.user, self.password = "admin", _PASSWORD
        # Reserved to the end: a port that is merely free may be used by the next connection.
        names = (*NODES, *map("{} route".format, NODES), "gateway")
        reserved = {name: reserve_port() for name in names}
        self._ports = {name: port for name, (port, _) in reserved.items()}
        self._holders = [holder for _, holder in reserved.values() if holder is not None]
        self.gateway_url = f"http://127.0.0.1:{self._ports['gateway']}"
        self._nats_urls = [f"nats://127.0.0.1:{self._ports[name]}" for name in NODES]
        self._secrets = folder / "secrets"
        self._units: dict[str, ManagedService] = {}
        self._children: ChildProcesses | None = None

    async def start(self) -> None:
        """Start everything; return when it is ready."""
        self.logs.mkdir()
        write_private(self._secrets / "basic-auth-user", self.user)
        write_private(self._secrets / "basic-auth-password", self.password)
        self._children = ChildProcesses(asyncio.get_running_loop())
        specs = [
            *map(self._node, NODES),
            _service("gateway", self._gateway),
            *(_service(name, self._worker) for name in WORKERS),
            _service("inspector", self._inspector),
        ]
        for spec in specs:
            log = LogFile(self.logs / f"{spec.name}.log")
            self._units[spec.name] = ManagedService(spec, self._children, LifecycleEvents(), log, self.folder)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        await asyncio.gather(*(self._units[name].start(deadline) for name in NODES))
        await _wait_for_jetstream(self._nats_urls)
        for name in list(self._units)[len(NODES) :]:
            await self._units[name].start(deadline)

    async def stop(self) -> None:
        """Stop everything."""
        for name in reversed(self._units):
            await self._units[name].stop(_GRACE_SECONDS)
        if self._children is not None:
            await self._children.sweep()
        for holder in self._holders:
            holder.close()

    async def pids(self) -> dict[str, int]:
        """Return the process ids of the running services, by name."""
        known = {name: int(unit.describe()["pid"]) for name, unit in self._units.items()}
        return {name: pid for name, pid in known.items() if pid}

    async def pids_of(self, target: str) -> list[int]:
        """Return the process ids that a target has at this moment."""
        pids = await self.pids()
        name = "gateway" if target == WATCHDOG.name else target
        if name not in pids:
            return []
        return watchdogs(pids[name]) if target == WATCHDOG.name else [pids[name]]

    async def restart(self, service: str) -> None:
        """Restart a service; try again if that fails."""
        unit = self._units[service]
        await unit.stop(_GRACE_SECONDS)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while True:
            try:
                return await unit.start(min(deadline, loop.time() + 15))
            except LabError:  # a service that it needs is down at this moment
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def fill_disk(self, seconds: float) -> None:
        """Do nothing: no such fault is among the targets."""

    async def damage_store(self, pick: int) -> None:
        """Do nothing: no such fault is among the targets."""

    async def failed_services(self) -> list[str]:
        """Return the services that stay down, each with the reason."""
        return [f"{name}: {unit.error}" for name, unit in self._units.items() if unit.state is State.FAILED]

    # -- service specs

    def _node(self, name: str) -> ServiceSpec:
        routes = {node: self._ports[f"{node} route"] for node in NODES}
        node = Node(
            folder=self.folder / name,
            store=self.folder / name / "jetstream",
            token=_TOKEN,
            max_body=1024 * 1024,
            name=name,
            route=routes[name],
            routes=tuple(port for other, port in routes.items() if other != name),
        )

        def prepare() -> ProcessSpec:
            command = node.prepare(find_nats_server(os.environ), self._ports[name])
            return ProcessSpec(command, {}, dies_with_parent=True)

        async def wait_ready(_: ChildProcess) -> ReadyMessage:
            return await node.wait_ready()

        return ServiceSpec(name, prepare, wait_ready, on_ready=lambda _: None, on_exit=lambda: None)

    def _gateway(self) -> dict[str, str]:
        return {
            "port": str(self._ports["gateway"]),
            "port_fallback": "false",
            "basic_auth": "true",
            "secret_mount_path": str(self._secrets),
            "state_dir": str(self.folder / "gateway"),
            "image_store": str(self.folder / "images"),
            **self._common(),
        }

    def _worker(self) -> dict[str, str]:
        return {
            "queue_name": "*",
            "gateway_url": self.gateway_url,
            "max_inflight": str(MAX_INFLIGHT),
            "metrics_port": "0",
            **RETRIES,
            **self._common(),
        }

    def _inspector(self) -> dict[str, str]:
        return {"port": "0", **self._common()}

    def _common(self) -> dict[str, str]:
        return {
            "lifeline": "stdin",
            "nats_url": ",".join(self._nats_urls),
            "nats_token": _TOKEN,
            "nats_stream_replicas": str(len(NODES)),
            "ack_wait": ACK_WAIT,
        }


def _service(name: str, environment: Callable[[], dict[str, str]]) -> ServiceSpec:
    module = "queue_worker" if name in WORKERS else name

    def prepare() -> ProcessSpec:
        return ProcessSpec([sys.executable, "-P", "-m", f"labkit_services.{module}"], environment())

    async def wait_ready(process: ChildProcess) -> ReadyMessage:
        facts: ReadyMessage = json.loads(await process.line)
        return facts

    return ServiceSpec(name, prepare, wait_ready, on_ready=lambda _: None, on_exit=lambda: None)


async def _wait_for_jetstream(urls: list[str]) -> None:
    """Wait until the cluster has three members, as streams need them."""
    async with asyncio.timeout(START_SECONDS):
        client = Client()
        await client.connect(servers=urls, token=_TOKEN)
        js = client.jetstream()
        while True:
            try:
                await js.add_stream(name="ready", subjects=["ready"], num_replicas=len(NODES))
                break
            except (APIError, NatsError, TimeoutError):
                await asyncio.sleep(0.2)
        await js.delete_stream("ready")
        await client.close()
