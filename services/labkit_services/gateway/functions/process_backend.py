"""Replicas as processes: each is a watchdog that the gateway starts."""

from __future__ import annotations

import itertools
import os
import shutil
import socket

from labkit_services.contract.errors import LabError
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.functions.plan import ReplicaPlan, UnusableDeploymentError, plan_replica
from labkit_services.gateway.functions.replica import Replica, ReplicaCallbacks
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.gateway.functions.watchdog_process import WatchdogProcess
from labkit_services.gateway.secret_store import SecretStore
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore


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

    def open(self) -> None:
        """Remove what an earlier gateway left in the scratch folder."""
        self.close()
        self._scratch.mkdir(parents=True, mode=0o700)

    def close(self) -> None:
        """Remove the scratch folder; every replica must have ended."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def plan(self, spec: FunctionSpec) -> ReplicaPlan:
        """Resolve a deployment with the newest build of its image."""
        try:
            # An unknown name stands for an empty image: the deployment may
            # name the command.
            image = self._images.get(spec.image) or catalogue.find(spec.image) or Image(spec.image)
        except LabError as error:
            raise UnusableDeploymentError(f"validation failed: image: {error.headline}") from error
        return plan_replica(spec, image, os.environ.get("PATH", os.defpath))

    def start(self, plan: ReplicaPlan, callbacks: ReplicaCallbacks) -> Replica:
        """Start a watchdog process."""
        spec = plan.spec
        scratch = self._scratch / f"{spec.name}-{next(self._count)}"
        scratch.mkdir(parents=True, mode=0o700)
        # A container's variable HOSTNAME is the replica's name as well.
        environment = {"HOME": str(scratch), "HOSTNAME": scratch.name, **plan.environment}
        if spec.secrets:
            self._secrets.write(spec.secrets, spec.namespace, scratch / "secrets")
            environment["secrets_folder"] = str(scratch / "secrets")
        environment |= {"TMPDIR": str(scratch), "port": "0", "lifeline": "stdin"}
        process = WatchdogProcess.start(environment, plan.workdir or scratch, self._fork_server)
        return Replica(spec.name, scratch, process, callbacks)
