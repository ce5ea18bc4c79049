"""Connect to the Docker engine, and explain its errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException

from labkit_services.contract.errors import LabError

CALL_SECONDS = 30.0
"""How long the engine may be silent during a call."""

_WITHOUT = 'run functions as processes: functions="process"'
_LOCAL = ("unix://", "npipe://")


class DockerEngineError(LabError):
    """The Docker engine refused a request."""


class NoDockerEngineError(DockerEngineError):
    """The Docker engine does not answer."""


def connect(timeout: float = CALL_SECONDS) -> docker.DockerClient:
    """Connect to the engine that ``DOCKER_HOST`` names, or raise an error."""
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith(_LOCAL):
        raise NoDockerEngineError(
            "The Docker engine is on another machine.",
            expected="an engine on this machine: functions are called through its loopback address",
            seen=f"DOCKER_HOST={host}",
            next_step=f"unset DOCKER_HOST, or {_WITHOUT}",
        )
    with explained():
        return docker.from_env(timeout=timeout)


@contextmanager
def explained() -> Iterator[None]:
    """Raise the SDK's errors as ``DockerEngineError``."""
    try:
        yield
    except APIError as error:
        raise DockerEngineError(_sentence(error), seen=f"status {error.status_code}") from error
    except (DockerException, requests.RequestException) as error:
        raise _no_engine(error) from error


def _sentence(error: APIError) -> str:
    text = error.explanation or str(error)
    return f"Docker: {text.strip()}"


def _no_engine(error: Exception) -> NoDockerEngineError:
    causes = list(_causes(error))
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if any(isinstance(cause, PermissionError) for cause in causes):
        return NoDockerEngineError(
            "No permission to use the Docker engine.",
            expected=f"access to {address}",
            seen="permission denied",
            next_step=f"add yourself to the group docker and log in again, or {_WITHOUT}",
        )
    if any(isinstance(cause, (FileNotFoundError, ConnectionRefusedError)) for cause in causes):
        return NoDockerEngineError(
            "No Docker engine is running.",
            expected=f"an engine that listens on {address}",
            seen="none",
            next_step=f"start Docker (see: docker version), or {_WITHOUT}",
        )
    return NoDockerEngineError(
        expected=f"an answer from the engine at {address}",
        seen=str(causes[-1]),
        next_step=f"look at the engine (docker version), or {_WITHOUT}",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, outermost first, and what caused it."""
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        linked = (one.__cause__, one.__context__, *one.args)
        pending += [each for each in linked if isinstance(each, BaseException)]
