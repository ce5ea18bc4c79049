"""Replicas in containers of the machine's Docker engine."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

from docker import DockerClient

from labkit_services.contract.errors import LabError
from labkit_services.docker_engine.connection import DockerEngineError, NoDockerEngineError
from labkit_services.docker_engine.labels import LabLabels, remove_containers, remove_network
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.functions.docker.container_runner import ContainerRunner
from labkit_services.gateway.functions.docker.container_settings import (
    SECRETS_PATH,
    changed_amounts,
    container_labels,
    container_settings,
    replica_name,
)
from labkit_services.gateway.functions.docker.engine import Engine
from labkit_services.gateway.functions.docker.images import Images
from labkit_services.gateway.functions.docker.network import LabNetwork
from labkit_services.gateway.functions.plan import BackendUnavailableError, UnusableDeploymentError
from labkit_services.gateway.functions.replica import Replica, ReplicaCallbacks
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.secret_store import SecretStore
from labkit_services.http import Handler, HttpClient
from labkit_services.runtime.log import Log

_PULL_WAIT_SECONDS = 5.0
"""How long a deploy waits for a pull: one that fails does so sooner."""

_ENGINE_POLL_SECONDS = 1.0


class DockerBackend:
    """The ``ReplicaBackend`` that runs each replica in a container."""

    name = "labkit-docker"
    orchestration = "docker"

    def __init__(self, config: GatewayConfig, secrets: SecretStore, log: Log) -> None:
        self._scratch = config.state_dir
        self._secrets = secrets
        self._log = log
        self._labels = LabLabels.of(config.workspace)
        self._engine = Engine()
        self._network = LabNetwork(self._engine, self._labels, log)
        self._images = Images(self._engine)
        self._probe = HttpClient()
        self._runners: WeakSet[ContainerRunner] = WeakSet()
        self._preparing = asyncio.Lock()
        self._is_prepared = False
        self._cores = 1

    async def open(self) -> None:
        """Remove what an earlier lab left behind, and create the network.

        Without an engine this is done when the first replica starts: the rest
        of the lab works meanwhile.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, mode=0o700)
        begin = time.monotonic()
        try:
            await self._prepare()
            self._log.info("connected to the Docker engine", seconds=f"{time.monotonic() - begin:.1f}")
        except DockerEngineError as error:
            self._log.error("no Docker engine", error=error)

    async def close(self) -> None:
        """Remove the lab's containers and its network."""
        await self._images.close()
        await self._network.stop()
        self._probe.close()
        lab = self._labels.lab

        def remove_all(client: DockerClient) -> None:
            remove_containers(client, lab)
            remove_network(client, lab)

        try:
            await self._engine.close(remove_all)
        except DockerEngineError as error:
            self._log.error("containers may be left behind; the next start removes them", error=error)
        shutil.rmtree(self._scratch, ignore_errors=True)

    async def expose(self, gateway: Handler) -> None:
        """Let functions call the gateway as ``http://gateway:8080``."""
        await self._network.expose(gateway)

    async def check(self, spec: FunctionSpec) -> None:
        """Raise UnusableDeploymentError if the function cannot be run.

        A missing image is pulled; if that takes long, the deployment is
        accepted meanwhile, as in a cluster.
        """
        container_settings(spec, self._cores)
        try:
            async with asyncio.timeout(_PULL_WAIT_SECONDS):
                await self._images.ensure(spec.image, lambda _: None)
        except TimeoutError:
            return  # the pull goes on, and the replicas wait for it
        except NoDockerEngineError as error:
            raise BackendUnavailableError(str(error)) from error
        except LabError as error:
            raise UnusableDeploymentError(error.headline) from error

    def notes(self, spec: FunctionSpec) -> dict[str, str]:
        """Return annotations for limits that are not as asked."""
        return changed_amounts(spec, self._cores)

    def start(self, spec: FunctionSpec, callbacks: ReplicaCallbacks) -> Replica:
        """Return a replica, which creates its container when it is run."""
        name = replica_name(spec.name)

        async def prepare(runner: ContainerRunner, on_line: Callable[[str], None]) -> dict[str, Any]:
            self._runners.add(runner)
            await self._wait_for_engine(runner, on_line)
            await self._images.ensure(spec.image, on_line)
            return self._settings(spec, runner)

        runner = ContainerRunner(name, self._scratch / name, self._engine, self._probe, prepare)
        return Replica(spec.name, runner, callbacks)

    def _settings(self, spec: FunctionSpec, runner: ContainerRunner) -> dict[str, Any]:
        """Return all arguments for the SDK; write the function's secrets."""
        volumes = {}
        if spec.secrets:
            runner.scratch.mkdir(mode=0o700)
            folder = runner.scratch / "secrets"
            self._secrets.write(spec.secrets, spec.namespace, folder, for_all=True)
            volumes[str(folder)] = {"bind": SECRETS_PATH, "mode": "ro"}
        return {
            **container_settings(spec, self._cores),
            "name": f"labkit-{runner.name}",
            "hostname": runner.name,
            "labels": container_labels(spec, self._labels.as_dict()),
            "network": self._network.name,
            "extra_hosts": self._network.hosts,
            "volumes": volumes,
        }

    async def _wait_for_engine(self, runner: ContainerRunner, on_line: Callable[[str], None]) -> None:
        """Return once there is an engine; meanwhile calls wait or are retried.

        It is no failure of the function, after which it would be started less
        and less often.
        """
        shown = ""
        while not runner.is_ending:
            try:
                await self._prepare()
                return
            except NoDockerEngineError as error:
                if shown != error.headline:
                    shown = error.headline
                    on_line(f"{shown} Waiting for it.")
            await asyncio.sleep(_ENGINE_POLL_SECONDS)

    async def _prepare(self) -> None:
        """Connect to the engine if that was not done since it was lost."""
        async with self._preparing:
            if self._is_prepared and self._engine.is_connected:
                return
            keep = {runner.container for runner in self._runners}
            removed = await self._engine.call(partial(remove_containers, lab=self._labels.lab, keep=keep))
            if removed:
                self._log.info("removed containers that were left behind", count=removed)
            self._cores = await self._engine.call(lambda client: int(client.info()["NCPU"]))
            await self._network.ensure()
            self._is_prepared = True
