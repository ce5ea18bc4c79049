"""What ``labkit doctor`` looks at: versions, ports, and how long a start takes."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labkit.clients.supervisor import SupervisorClient
from labkit.errors import NoLabError
from labkit.lifecycle.launch import launch
from labkit.supervisor.nats_server import find_nats_server
from labkit.supervisor.settings import GATEWAY_PORT, INSPECTOR_PORT, Settings
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError

_PACKAGES = (
    "labkit",
    "nats-py",
    "httptools",
    "uvloop",
    "httpx",
    "jupyterlab",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
)
_VERSION_SECONDS = 5.0
_WIDTH = 50


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        value: What was seen.
        good: Whether a lab can run with that.
    """

    name: str
    value: str
    good: bool = True


def findings(workspace: Workspace) -> Iterator[Finding]:
    """Look at everything that a start depends on."""
    yield Finding("system", f"{platform.platform()}, {os.cpu_count()} cores")
    yield Finding("python", f"{platform.python_version()} at {sys.executable}", sys.version_info >= (3, 11))
    for package in _PACKAGES:
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            # uvloop is an extra for speed, on the systems that have it.
            yield Finding(package, "not installed", package == "uvloop")
    yield _nats_server()
    yield Finding("faas-cli", shutil.which("faas-cli") or "not on PATH: activate the environment")
    yield _workspace(workspace)
    for name, port in (("gateway", GATEWAY_PORT), ("inspector", INSPECTOR_PORT)):
        yield Finding(f"port {port}", _say_port(name, port))


def _nats_server() -> Finding:
    try:
        program = find_nats_server(os.environ)
        answer = subprocess.run(  # noqa: S603 - what the lab would run, too
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
        )
    except LabError as error:
        return Finding("nats-server", str(error), good=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("nats-server", f"can't be run: {error}", good=False)
    text = (answer.stdout or answer.stderr).strip()
    return Finding("nats-server", f"{text} at {program}", answer.returncode == 0)


def _workspace(workspace: Workspace) -> Finding:
    state = workspace.read_state()
    lab = f"a lab runs here: {state.gateway_url}" if state else "no lab runs here"
    return Finding("workspace", f"{workspace.root}; {lab}")


def _say_port(name: str, port: int) -> str:
    with socket.socket() as probe:
        # As the service does: a port whose last connections are still fading away is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return f"in use: a {name} that starts now takes another one"
    return "free"


@dataclass(frozen=True)
class Start:
    """One start that was measured.

    Attributes:
        to_ready_ms: From the moment of asking to a ready lab, as the asking process sees it.
        to_gone_ms: From the moment of ending to its process gone.
        timeline: Stretches with ``name``, ``start_ms``, ``end_ms``.
    """

    to_ready_ms: float
    to_gone_ms: float
    timeline: list[dict[str, Any]]


async def measure_start() -> Start:
    """Start a lab in a workspace of its own, and end it.

    Raises:
        LabError: It does not start.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-doctor-") as folder:
        begin = time.time_ns()
        settings = Settings(workspace=str(Path(folder)), gateway_port=0, inspector_port=0, launched_ns=begin)
        launched = await launch(settings)
        ready = time.time_ns()
        if launched is None or launched.lifeline is None:
            raise NoLabError(expected=f"to be alone in {folder}")
        try:
            timeline = await SupervisorClient(launched.state).timeline()
        finally:
            end = time.time_ns()
            launched.lifeline.cut()
            await launched.lifeline.ended()
        return Start((ready - begin) / 1e6, (time.time_ns() - end) / 1e6, timeline)


def draw(timeline: list[dict[str, Any]]) -> list[str]:
    """Return the timeline as lines of text: name, from, to, and a bar on a common axis."""
    end = max(stretch["end_ms"] for stretch in timeline)
    names = max(len(stretch["name"]) for stretch in timeline)
    lines = []
    for stretch in timeline:
        first = round(stretch["start_ms"] / end * _WIDTH)
        last = round(stretch["end_ms"] / end * _WIDTH)
        bar = " " * first + ("█" * (last - first) or "▏")
        took = stretch["end_ms"] - stretch["start_ms"]
        lines.append(f"{stretch['name']:<{names}}  {stretch['start_ms']:5.0f} ms  +{took:4.0f} ms  {bar}")
    return lines
