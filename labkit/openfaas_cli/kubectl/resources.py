"""``kubectl get`` and ``rollout status`` for services and functions."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from labkit.clients.supervisor import SupervisorClient
from labkit.errors import NoLabError
from labkit.openfaas_cli.faas_cli.gateway import Gateway, normalise_url
from labkit.openfaas_cli.faas_cli.go_decode import FUNCTION_STATUS, ListOf
from labkit.openfaas_cli.faas_cli.output import warn
from labkit.openfaas_cli.kubectl.errors import InvalidRequestError, ResourceNotFoundError
from labkit.openfaas_cli.kubectl.logs import START_LAB
from labkit.openfaas_cli.pflag import Arguments
from labkit.service_names import NATS_SERVER, kind_of
from labkit.views.status import LabStatus
from labkit.workspace import LabState
from labkit_services.contract.names import DEFAULT_NAMESPACE

_PODS = ("pod", "pods", "po")
_DEPLOYMENTS = ("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps")
_GAP = "   "


class Pod(NamedTuple):
    """A service process, or a function's replica.

    Attributes:
        name: Its name; ``queue-worker-2`` is a pod of ``queue-worker``.
        deployment: The deployment that it belongs to.
        is_ready: Whether it is ready.
        state: ``Running``, or the state as the lab calls it.
        restarts: How often it was started again.
        age: Seconds.
    """

    name: str
    deployment: str
    is_ready: bool
    state: str
    restarts: int
    age: float


def is_known(arguments: Arguments) -> bool:
    """Return whether ``get`` can show what is asked for."""
    kind = arguments.words[0].partition("/")[0] if arguments.words else ""
    return kind in (*_PODS, *_DEPLOYMENTS) and arguments.text("output") in ("", "name", "wide")


def get(state: LabState | None, arguments: Arguments) -> None:
    """Print pods or deployments; all, or those that are named."""
    kind, slash, name = arguments.words[0].partition("/")
    names = [name] if slash else arguments.words[1:]
    namespace = arguments.text("namespace")
    pods = _pods(state, namespace)
    if kind in _PODS:
        label, heading = "pod", ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
        rows = {pod.name: _pod_row(pod) for pod in pods}
    else:
        label, heading = "deployment.apps", ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE")
        rows = {pod.deployment: _deployment_row(pod.deployment, pods) for pod in pods}
    missing = [name for name in names if name not in rows]
    shown = [rows[name] for name in names or rows if name in rows]
    if not rows and not names:
        warn(f"No resources found in {namespace} namespace.")
    elif arguments.text("output") == "name":
        sys.stdout.writelines(f"{label}/{row[0]}\n" for row in shown)
    elif shown:
        sys.stdout.write(_table([*([] if arguments.on("no-headers") else [heading]), *shown]))
    if missing:
        plural = "pods" if label == "pod" else "deployments.apps"
        raise ResourceNotFoundError(f'Error from server (NotFound): {plural} "{missing[0]}" not found')


def rollout_status(state: LabState | None, arguments: Arguments) -> None:
    """Print that a deployment is ready, or how far it is."""
    kind, slash, name = arguments.words[1].partition("/") if len(arguments.words) > 1 else ("", "", "")
    if not slash and len(arguments.words) > 2:
        name = arguments.words[2]
    if kind not in _DEPLOYMENTS or not name:
        raise InvalidRequestError("required resource not specified")
    pods = [pod for pod in _pods(state, arguments.text("namespace")) if pod.deployment == name]
    if not pods:
        raise ResourceNotFoundError(f'Error from server (NotFound): deployments.apps "{name}" not found')
    ready = sum(pod.is_ready for pod in pods)
    if ready < len(pods):
        waiting = f"{ready} of {len(pods)} updated replicas are available..."
        sys.stdout.write(f'Waiting for deployment "{name}" rollout to finish: {waiting}\n')
    else:
        sys.stdout.write(f'deployment "{name}" successfully rolled out\n')


def _pods(state: LabState | None, namespace: str) -> Sequence[Pod]:
    if state is None:
        raise NoLabError(next_step=START_LAB)
    return _functions(state) if namespace == DEFAULT_NAMESPACE else _services(state)


def _services(state: LabState) -> Sequence[Pod]:
    status = LabStatus.from_json(asyncio.run(SupervisorClient(state).status()))
    now = time.time()
    pods = []
    for service in status.services:
        name = "nats" if service.name == NATS_SERVER else service.name
        ready = service.state == "ready"
        shown = "Running" if ready else str(service.state).capitalize()
        pods.append(Pod(name, kind_of(name), ready, shown, service.restarts, now - service.since))
    return pods


def _functions(state: LabState) -> Sequence[Pod]:
    now = time.time()
    pods = []
    gateway = Gateway(normalise_url(state.gateway_url))
    for function in gateway.fetch("/system/functions", ListOf(FUNCTION_STATUS)) or []:
        name, ready = function["name"], int(function.get("availableReplicas") or 0)
        created = str(function.get("createdAt") or "")
        age = now - datetime.fromisoformat(created).timestamp() if created else 0.0
        for number in range(int(function.get("replicas") or 0)):
            pod = name if number == 0 else f"{name}-{number + 1}"
            is_ready = number < ready
            pods.append(Pod(pod, name, is_ready, "Running" if is_ready else "Pending", 0, age))
    return pods


def _pod_row(pod: Pod) -> tuple[str, ...]:
    return (pod.name, f"{int(pod.is_ready)}/1", pod.state, str(pod.restarts), human_duration(pod.age))


def _deployment_row(name: str, pods: Sequence[Pod]) -> tuple[str, ...]:
    own = [pod for pod in pods if pod.deployment == name]
    ready = sum(pod.is_ready for pod in own)
    age = human_duration(max(pod.age for pod in own))
    return (name, f"{ready}/{len(own)}", str(len(own)), str(ready), age)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return kubectl's table: three spaces between, none at a line's end."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (_GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def human_duration(seconds: float) -> str:
    """Return a duration as kubectl's AGE column shows it: ``3m12s``."""
    whole = max(0, int(seconds))
    minutes, hours = whole // 60, whole // 3600
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return f"{hours // 24}d{hours % 24}h" if hours % 24 and hours < 192 else f"{hours // 24}d"
