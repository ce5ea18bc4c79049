"""``labkit doctor``: versions, ports, and the timeline of a start."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import click

from labkit.cli.attached import json_option, show_json
from labkit.cli.jupyter_parts import check_parts
from labkit.clients.supervisor import SupervisorClient
from labkit.errors import NoLabError
from labkit.language import translated
from labkit.lifecycle.launch import launch
from labkit.signals import cleaning_up
from labkit.supervisor.nats_server import find_nats_server
from labkit.supervisor.settings import Settings
from labkit.views.tables import text_table
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError

_PACKAGES = ("labkit", "nats-py", "httptools", "uvloop", "httpx")
_NOTEBOOK_PACKAGES = (
    *("jupyterlab", "ipykernel", "ipywidgets", "anywidget", "jupyter-server-proxy", "matplotlib"),
)
_OLDEST_PYTHON = (3, 11)
_VERSION_SECONDS = 5.0
_BAR_WIDTH = 50


@click.command()
@click.option("--start/--no-start", default=True, help="Measure a start, in a temporary folder.")
@click.option("--runs", default=3, show_default=True, help="Number of starts to measure.")
@json_option
@click.pass_obj
def doctor(workspace: Workspace, start: bool, runs: int, as_json: bool) -> None:
    """Check versions, JupyterLab and ports; measure each step of a start."""
    findings = []
    for finding in _findings(workspace):
        findings.append(finding)
        if not as_json:
            click.echo(
                f"{'ok ' if finding.is_good else 'BAD'}  {finding.name:<12}  {translated(finding.value)}"
            )
    is_good = all(finding.is_good for finding in findings)
    starts = []
    if start:
        with cleaning_up():
            starts = [asyncio.run(_measure_start()) for _ in range(max(1, runs))]
    if as_json:
        show_json(
            {"findings": [each._asdict() for each in findings], "starts": [s._asdict() for s in starts]}
        )
    elif starts:
        fastest = min(starts, key=lambda one: one.to_ready_ms)
        totals = ", ".join(f"{one.to_ready_ms:.0f}" for one in starts)
        click.echo("\n" + translated(f"from asking to a ready lab: {totals} ms; the fastest of them:"))
        click.echo(timeline_table(fastest.timeline))
        click.echo(translated(f"from ending to nothing left: {fastest.to_gone_ms:.0f} ms"))
    if not is_good:
        sys.exit(1)


class Finding(NamedTuple):
    """One item that was checked, and whether a lab can run with it."""

    name: str
    value: str
    is_good: bool = True


def _findings(workspace: Workspace) -> Iterator[Finding]:
    yield Finding("system", f"{platform.platform()}, {os.cpu_count()} cores")
    python = f"{platform.python_version()} at {sys.executable}"
    yield Finding("python", python, sys.version_info >= _OLDEST_PYTHON)
    for package in (*_PACKAGES, *_NOTEBOOK_PACKAGES):
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            # uvloop only makes the services faster, and does not exist for
            # every system.
            yield Finding(package, "not installed", package == "uvloop")
    yield from _jupyter()
    yield _nats_server()
    yield Finding("faas-cli", shutil.which("faas-cli") or "not on this PATH; JupyterLab's terminals have it")
    state = workspace.read_state()
    running = f"{workspace.root}; a lab runs here: {state.gateway_url}" if state else ""
    yield Finding("workspace", running or f"{workspace.root}; no lab runs here")
    yield from _docker(workspace)
    for service, port in (("gateway", Settings.gateway_port), ("inspector", Settings.inspector_port)):
        in_use = f"in use: the {service} of a new lab takes another one"
        yield Finding(f"port {port}", "free" if _is_free(port) else in_use)


def _jupyter() -> Iterator[Finding]:
    """Check that JupyterLab has the parts that the lab's views need."""
    name = "extensions"
    try:
        parts = list(check_parts())
    except ImportError as error:
        yield Finding(name, f"can't be checked: {error}; next: install labkit again", is_good=False)
        return
    problems = [f"{part.name} is {problem}" for part, problem in parts if problem]
    yield from (Finding(name, problem, is_good=False) for problem in problems)
    if not problems:
        yield Finding(name, f"enabled in JupyterLab: {', '.join(part.name for part, _ in parts)}")


def _nats_server() -> Finding:
    name = "nats-server"
    try:
        command = [find_nats_server(os.environ), "--version"]
        run = subprocess.run(  # noqa: S603 - the program that a lab would run, too
            command, capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
        )
    except LabError as error:
        return Finding(name, str(error), is_good=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, f"can't be run: {error}", is_good=False)
    return Finding(name, f"{(run.stdout or run.stderr).strip()} at {command[0]}", run.returncode == 0)


def _docker(workspace: Workspace) -> Iterator[Finding]:
    """Yield the Docker engine, and what labs have left in it.

    Functions need an engine only if they run in containers.
    """
    # Not at the top: the SDK takes a while to import.
    from labkit_services.docker_engine.connection import NoDockerEngineError, connect
    from labkit_services.docker_engine.labels import leftovers

    try:
        with closing(connect(_VERSION_SECONDS)) as client:
            yield Finding("docker", f"engine {client.version()['Version']}")
            found = leftovers(client)
    except NoDockerEngineError as error:
        yield Finding("docker", f"{error.headline} Functions run as processes.")
        return
    except LabError as error:
        yield Finding("docker", error.headline)
        return
    for one in found:
        home = Path(one.workspace)
        if not Workspace(home).is_locked():
            command = "docker network rm" if one.kind == "network" else "docker rm --force"
            todo = f"a lab in {home} with functions in Docker removes it; or: {command} {one.name}"
            yield Finding("left behind", f"{one.kind} {one.name}; {todo}")


def _is_free(port: int) -> bool:
    try:
        # It sets SO_REUSEADDR, as the services do: connections in TIME_WAIT do
        # not block the port.
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class MeasuredStart(NamedTuple):
    """How long a start and its end took, and the steps of the start."""

    to_ready_ms: float
    to_gone_ms: float
    timeline: list[dict[str, Any]]


async def _measure_start() -> MeasuredStart:
    """Start a lab in a temporary workspace, and end it."""
    with tempfile.TemporaryDirectory(prefix="labkit-doctor-") as folder:
        begin = time.time_ns()
        settings = Settings(workspace=folder, gateway_port=0, inspector_port=0, launched_ns=begin)
        launched = await launch(settings)
        ready = time.time_ns()
        if launched is None or launched.lifeline is None:
            raise NoLabError(expected=f"no other process to use {folder}")
        try:
            timeline = await SupervisorClient(launched.state).timeline()
        finally:
            end = time.time_ns()
            launched.lifeline.cut()
            await launched.lifeline.wait_for_exit()
        return MeasuredStart((ready - begin) / 1e6, (time.time_ns() - end) / 1e6, timeline)


def timeline_table(timeline: list[dict[str, Any]]) -> str:
    """Return a row for each step: name, start, duration, and a bar."""
    total = max(step["end_ms"] for step in timeline)
    rows = []
    for step in timeline:
        start, end = step["start_ms"], step["end_ms"]
        first, last = (round(time / total * _BAR_WIDTH) for time in (start, end))
        bar = " " * first + ("█" * (last - first) or "▏")
        rows.append((translated(step["name"]), f"{start:5.0f} ms", f"+{end - start:4.0f} ms", bar))
    return text_table(rows)
