"""What a deployment resolves to, before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit_services.contract.errors import LabError
from labkit_services.contract.names import STATIC_PATH
from labkit_services.gateway.functions.spec import FunctionSpec
from labkit_services.images.store import Image


class UnusableDeploymentError(LabError):
    """The function cannot be run."""


@dataclass(frozen=True)
class ReplicaPlan:
    """How to run each replica of a function."""

    spec: FunctionSpec
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
    variables = {**image.environment, **spec.env_vars}
    mode = variables.get("mode", "")
    command = spec.env_process or spec.env_vars.get("fprocess", "") or image.fprocess
    if not command and mode:
        command = variables.get("function_process", "")
    if not command and mode != "static":
        todo = "build it first (faas-cli build), or name a command (--fprocess)"
        raise UnusableDeploymentError(f"unable to find image: {spec.image}; {todo}")
    environment = {
        # Without the gateway's own variables, which hold passwords. And
        # without LANG, as in OpenFaaS's containers: loading a locale takes 0.2
        # ms of the 0.8 ms that a small process needs.
        **image.process_environment({"PATH": search_path}),
        # No load balancer polls the health of a replica: one that drains may
        # end at once.
        "healthcheck_interval": "0",
        # 0 means any port: replicas share one machine, whereas each container
        # has a port 8081.
        "metrics_port": "0",
        **spec.env_vars,
        "fprocess": image.local_process(command),
    }
    if "HOME" not in spec.env_vars:
        environment.pop("HOME", None)  # the image's; each replica has its own
    if mode == "static":
        environment.setdefault("static_path", STATIC_PATH)
    for setting in ("function_process", "static_path"):
        if setting in environment:
            environment[setting] = image.local_process(environment[setting])
    for resource in ("memory", "cpu"):
        if amount := (spec.limits or {}).get(resource):
            environment[f"limits_{resource}"] = amount
    return ReplicaPlan(spec, environment, image.cwd)
