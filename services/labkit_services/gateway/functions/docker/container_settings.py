"""What a function's container is made with. Pure, no I/O."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from labkit_services.contract.ports import WATCHDOG_PORT
from labkit_services.contract.quantities import parse_quantity
from labkit_services.gateway.functions.plan import UnusableDeploymentError
from labkit_services.gateway.functions.spec import FunctionSpec

SECRETS_PATH = "/var/openfaas/secrets"
PORT = f"{WATCHDOG_PORT}/tcp"

_MIN_MEMORY = 6 * 1024 * 1024
"""Docker refuses a lower limit."""
_MIN_CPU, _SHARES_PER_CPU, _MIN_SHARES = 0.01, 1024, 2
_LONGEST_HOSTNAME = 63
_LOG_OPTIONS = {"max-size": "1m", "max-file": "1"}


def replica_name(function: str) -> str:
    """Return a new name, for a container and its host name."""
    suffix = f"-{os.urandom(4).hex()}"
    return function[: _LONGEST_HOSTNAME - len(suffix)] + suffix


def container_settings(spec: FunctionSpec, cores: int) -> dict[str, Any]:
    """Return the SDK's arguments that follow from a deployment.

    Args:
        spec: The deployment.
        cores: The machine's; a higher CPU limit means no limit, as on a node
            of a cluster.

    Raises:
        UnusableDeploymentError: Its requests exceed its limits.
    """
    process = {"fprocess": spec.env_process} if spec.env_process else {}
    settings: dict[str, Any] = {
        "image": spec.image,
        "environment": {**spec.env_vars, **process},
        # The gateway asks the watchdog itself; a command in each container
        # every few seconds would only cost time.
        "healthcheck": {"test": ["NONE"]},
        "security_opt": ["no-new-privileges:true"],
        # On loopback only, any port. A direct connection to the container
        # would save a hop, but on macOS and Windows containers have no address
        # that the machine can reach.
        "ports": {PORT: ("127.0.0.1", None)},
        "log_config": {"Type": "json-file", "Config": _LOG_OPTIONS},
        **_resources(spec, cores),
    }
    if spec.read_only_root_filesystem:
        # As an emptyDir of a pod: also for programs.
        settings |= {"read_only": True, "tmpfs": {"/tmp": "rw,exec,mode=1777"}}  # noqa: S108 - in the container
    return settings


def container_labels(spec: FunctionSpec, lab: Mapping[str, str]) -> dict[str, str]:
    """Return the function's labels, and those by which the lab finds it."""
    return {**spec.labels, "faas_function": spec.name, "faas_namespace": spec.namespace, **lab}


def changed_amounts(spec: FunctionSpec, cores: int) -> dict[str, str]:
    """Return what is not limited as the deployment asks, and why."""
    limits, notes = spec.limits or {}, {}
    if (memory := limits.get("memory")) and parse_quantity(memory) < _MIN_MEMORY:
        notes["labkit/limits.memory"] = f"limits.memory {memory} is 6Mi, the least that Docker can limit"
    if (cpu := limits.get("cpu")) and parse_quantity(cpu) > cores:
        notes["labkit/limits.cpu"] = f"limits.cpu {cpu} is no limit on a machine with {cores} cores"
    return notes


def _resources(spec: FunctionSpec, cores: int) -> dict[str, Any]:
    limits, requests = _amounts(spec.limits), _amounts(spec.requests)
    for name, amount in requests.items():
        if name in limits and amount > limits[name]:
            raise UnusableDeploymentError(f"validation failed: requests.{name}: is more than limits.{name}")
    found: dict[str, Any] = {}
    if memory := limits.get("memory"):
        # Without swap, as in a pod.
        found["mem_limit"] = found["memswap_limit"] = max(int(memory), _MIN_MEMORY)
    if (cpu := limits.get("cpu")) and cpu <= cores:
        found["nano_cpus"] = int(max(cpu, _MIN_CPU) * 1e9)
    if memory := requests.get("memory"):
        found["mem_reservation"] = max(int(memory), _MIN_MEMORY)
    if cpu := requests.get("cpu"):
        found["cpu_shares"] = max(int(cpu * _SHARES_PER_CPU), _MIN_SHARES)
    return found


def _amounts(texts: Mapping[str, str] | None) -> dict[str, float]:
    return {name: parse_quantity(text) for name, text in (texts or {}).items() if text}
