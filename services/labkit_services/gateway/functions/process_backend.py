"""Replicas as processes: each is a watchdog that the gateway starts."""

from __future__ import annotations

import itertools
import os
import shutil
import socket

from labkit_services.contract.errors import LabError
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.functions.plan import ReplicaPlan, UnusableDeploymentError, plan_replica
from labkit_services.gateway.functions.process_runner import ProcessRunner
from labkit_services.gateway.functions.replica import Replica, ReplicaCallbacks
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.functions.watchdog_process import WatchdogProcess
from labkit_services.gateway.secret_store import SecretStore
from labkit_services.http import Handler
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore

CPU_NOT_LIMITED = "labkit/limits.cpu"
"""Annotation of a function whose CPU limit is not enforced."""


class ProcessBackend:
    """The ``ReplicaBackend`` that needs no container runtime."""

    name = "labkit-process"
    orchestration = "processes"

    def __init__(self, config: GatewayConfig, secrets: SecretStore) -> None:
        self._scratch = config.state_dir
        self._images = ImageStore(config.image_store)
        self._secrets = secrets
        self._fork_server = socket.socket(fileno=config.fork_server) if config.fork_server >= 0 else None
        self._count = itertools.count()

    async def open(self) -> None:
        """Remove what an earlier gateway left in the scratch folder."""
        await self.close()
        self._scratch.mkdir(parents=True, mode=0o700)

    async def close(self) -> None:
        """Remove the scratch folder; every replica must have ended."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    async def expose(self, gateway: Handler) -> None:
        """Do nothing: functions use the gateway's own address."""

    async def check(self, spec: FunctionSpec) -> None:
        """Raise UnusableDeploymentError if the function cannot be run."""
        self._plan(spec)

    def notes(self, spec: FunctionSpec) -> dict[str, str]:
        """Return an annotation if a limit is not enforced.

        A process has no CPU share to limit.
        """
        cpu = (spec.limits or {}).get("cpu")
        return {CPU_NOT_LIMITED: f"limits.cpu {cpu} is not enforced by processes"} if cpu else {}

    def start(self, spec: FunctionSpec, callbacks: ReplicaCallbacks) -> Replica:
        """Start a watchdog process with the newest build of the image."""
        plan = self._plan(spec)
        scratch = self._scratch / f"{spec.name}-{next(self._count)}"
        scratch.mkdir(parents=True, mode=0o700)
        # A container's variable HOSTNAME is the replica's name as well.
        environment = {"HOME": str(scratch), "HOSTNAME": scratch.name, **plan.environment}
        if spec.secrets:
            self._secrets.write(spec.secrets, spec.namespace, scratch / "secrets")
            environment["secrets_folder"] = str(scratch / "secrets")
        environment |= {"TMPDIR": str(scratch), "port": "0", "lifeline": "stdin"}
        process = WatchdogProcess.start(environment, plan.workdir or scratch, self._fork_server)
        return Replica(spec.name, ProcessRunner(spec.name, scratch, process), callbacks)

    def _plan(self, spec: FunctionSpec) -> ReplicaPlan:
        try:
            # An unknown name stands for an empty image: the deployment may
            # name the command.
            image = self._images.get(spec.image) or catalogue.find(spec.image) or Image(spec.image)
        except LabError as error:
            raise UnusableDeploymentError(f"validation failed: image: {error.headline}") from error
        return plan_replica(spec, image, os.environ.get("PATH", os.defpath))
