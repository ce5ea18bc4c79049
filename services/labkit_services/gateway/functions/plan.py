"""What a deployment resolves to, before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit_services.contract.errors import LabError
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.images.run import command_of, environment_of, limit_settings, needs_command
from labkit_services.images.store import Image


class UnusableDeploymentError(LabError):
    """The function cannot be run."""


class BackendUnavailableError(LabError):
    """What runs functions does not answer."""


@dataclass(frozen=True)
class ReplicaPlan:
    """How to run each replica of a function."""

    environment: Mapping[str, str]
    """With command (``fprocess``) and limits; what differs between replicas is
    added at their start."""
    workdir: Path | None
    """Folder to start in; None means the replica's scratch folder."""


def plan_replica(spec: FunctionSpec, image: Image, search_path: str) -> ReplicaPlan:
    """Resolve a deployment without changing anything.

    ``search_path`` is the machine's ``PATH``. UnusableDeploymentError means
    that neither deployment nor image name a command.
    """
    command = command_of(image, spec.env_process, spec.env_vars)
    if not command and needs_command(image, spec.env_vars):
        todo = "build it first (faas-cli build), or name a command (--fprocess)"
        raise UnusableDeploymentError(f"unable to find image: {spec.image}; {todo}")
    # No load balancer polls the health of a replica: one that drains may end
    # at once. A port of 0 means any: replicas share one machine, whereas each
    # container has a port 8081.
    defaults = {"healthcheck_interval": "0", "metrics_port": "0"}
    environment = environment_of(
        image, command, spec.env_vars, search_path=search_path, defaults=defaults
    ) | limit_settings(spec.limits or {})
    return ReplicaPlan(environment, image.cwd)
