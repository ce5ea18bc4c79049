"""``labkit status`` and ``labkit logs``: the services of a running lab."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from labkit.cli.attached import json_option
from labkit.cli.remote import show_remote_status
from labkit.clients.connections import log_failed_task
from labkit.clients.lab_watch import LabWatch
from labkit.clients.supervisor import SupervisorClient
from labkit.default_settings import default_gateway
from labkit.language import translated
from labkit.lifecycle.environment import variables
from labkit.lifecycle.jupyter_server import proxied_address
from labkit.lifecycle.log_files import POLL_SECONDS, log_path, read_on
from labkit.lifecycle.running_lab import require_state
from labkit.views.status import LabStatus
from labkit.views.tables import labelled
from labkit.workspace import LabState, Workspace, own_login_folder
from labkit_services.contract.inspector_link import inspector_page
from labkit_services.files.own_file import read_own
from labkit_services.runtime.log_tail import last_lines


@click.command()
@json_option
@click.pass_obj
def status(workspace: Workspace, as_json: bool) -> None:
    """Show the state of every service.

    With LABKIT_GATEWAY it is that of the OpenFaaS that notebooks use.
    """
    if default_gateway():
        show_remote_status(as_json)
        return
    state = require_state(workspace)
    document = asyncio.run(SupervisorClient(state).status())
    if as_json:
        click.echo(json.dumps(document))
        return
    show_addresses(state, workspace)
    show_variables(state, workspace)
    click.echo(str(LabStatus.from_json(document)))


@click.command()
@click.argument("service")
@click.option(
    "--follow", "-f", is_flag=True, help="Show lines as they are added, until Ctrl-C or the lab's end."
)
@click.option("--tail", default=100, show_default=True, help="Number of last lines to begin with.")
@json_option
@click.pass_obj
def logs(workspace: Workspace, service: str, follow: bool, tail: int, as_json: bool) -> None:
    """Show the log of a service.

    SERVICE is gateway, queue-worker, inspector, nats-server or supervisor.
    With --json every line is an object with "service" and "text".
    """
    show_line = partial(_show_line, service if as_json else "")
    path = log_path(workspace, service)
    with read_own(path) as file:
        lines = last_lines(file, tail)
        end = file.tell()
    for line in lines:
        show_line(line)
    if follow:
        asyncio.run(_follow(workspace, path, end, show_line))


def _show_line(service: str, line: str) -> None:
    """Print a line; as JSON if the service is named."""
    click.echo(json.dumps({"service": service, "text": line}, ensure_ascii=False) if service else line)


async def _follow(workspace: Workspace, path: Path, position: int, show_line: Callable[[str], None]) -> None:
    """Show what is added to a log, until the running lab is reset or ends."""
    state = workspace.read_state()
    if state is None:  # the next one's lines are shown
        await _show_new_lines(path, position, show_line)
    else:
        watch = LabWatch(SupervisorClient(state), log_failed_task)
        await watch.guard(_show_new_lines(path, position, show_line))


async def _show_new_lines(path: Path, position: int, show_line: Callable[[str], None]) -> None:
    while True:
        text, position = read_on(path, position)
        if text:
            for line in text.splitlines():
                show_line(line)
        else:
            await asyncio.sleep(POLL_SECONDS)


def addresses(state: LabState, workspace: Workspace) -> dict[str, Any]:
    """Return the lab's addresses and the variables of another terminal."""
    return {
        "workspace": str(workspace.root),
        "gateway": state.gateway_url,
        "inspector": inspector_page(state.inspector_url, state.inspector_token),
        "note": state.port_note,
        **({"in_jupyter": address} if (address := proxied_address(workspace)) else {}),
        "variables": variables(state, workspace),
    }


def show_addresses(state: LabState, workspace: Workspace) -> None:
    """Print the gateway's URL, and a link that opens the inspector's page.

    In a terminal of Jupyter also its address behind Jupyter's server.
    """
    click.echo(_line("gateway", state.gateway_url))
    click.echo(_line("inspector", inspector_page(state.inspector_url, state.inspector_token)))
    if address := proxied_address(workspace):
        hint = translated(" at your Hub's address") if address.startswith("/") else ""
        click.echo(_line("in Jupyter", f"{address}{hint}"))
    if state.port_note:
        click.echo(_line("note", translated(state.port_note)))


def _line(label: str, text: str) -> str:
    return labelled(label, text, width=12)


def show_variables(state: LabState, workspace: Workspace) -> None:
    """Print the command that makes another terminal use this lab."""
    pairs = (f"{name}={shlex.quote(value)}" for name, value in variables(state, workspace).items())
    click.echo(_line("terminal", f"export {' '.join(pairs)}"))
    if own := own_login_folder():
        click.echo(_line("", translated(f"your own OPENFAAS_CONFIG stays: {own}")))
        click.echo(_line("", translated("a real faas-cli has the lab's password once it is unset")))
