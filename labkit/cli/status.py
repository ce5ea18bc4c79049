"""``labkit status`` and ``labkit logs``: the services of a running lab."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import click

from labkit.clients.connections import log_failed_task
from labkit.clients.lab_watch import LabWatch
from labkit.clients.supervisor import SupervisorClient
from labkit.lifecycle.environment import variables
from labkit.lifecycle.log_files import POLL_SECONDS, log_path, read_on
from labkit.lifecycle.running_lab import require_state
from labkit.views.status import LabStatus
from labkit.workspace import LabState, Workspace, own_login_folder
from labkit_services.contract.inspector_link import inspector_page
from labkit_services.files.own_file import read_own
from labkit_services.runtime.log_tail import last_lines


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.pass_obj
def status(workspace: Workspace, as_json: bool) -> None:
    """Show the state of every service."""
    state = require_state(workspace)
    document = asyncio.run(SupervisorClient(state).status())
    if as_json:
        click.echo(json.dumps(document))
        return
    show_addresses(state)
    show_variables(state, workspace)
    click.echo(str(LabStatus.from_json(document)))


@click.command()
@click.argument("service")
@click.option(
    "--follow", "-f", is_flag=True, help="Show lines as they are added, until Ctrl-C or the lab's end."
)
@click.option("--tail", default=100, show_default=True, help="Number of last lines to begin with.")
@click.pass_obj
def logs(workspace: Workspace, service: str, follow: bool, tail: int) -> None:
    """Show the log of a service.

    SERVICE is gateway, queue-worker, inspector, nats-server or supervisor.
    """
    path = log_path(workspace, service)
    with read_own(path) as file:
        lines = last_lines(file, tail)
        end = file.tell()
    for line in lines:
        click.echo(line)
    if follow:
        asyncio.run(_follow(workspace, path, end))


async def _follow(workspace: Workspace, path: Path, position: int) -> None:
    """Show what is added to a log, until the running lab is reset or ends."""
    state = workspace.read_state()
    if state is None:  # the next one's lines are shown
        await _show_new_lines(path, position)
    else:
        watch = LabWatch(SupervisorClient(state), log_failed_task)
        await watch.guard(_show_new_lines(path, position))


async def _show_new_lines(path: Path, position: int) -> None:
    while True:
        text, position = read_on(path, position)
        if text:
            click.echo(text, nl=False)
        else:
            await asyncio.sleep(POLL_SECONDS)


def show_addresses(state: LabState) -> None:
    """Print the gateway's URL, and a link that opens the inspector's page."""
    click.echo(f"gateway     {state.gateway_url}")
    click.echo(f"inspector   {inspector_page(state.inspector_url, state.inspector_token)}")
    if state.port_note:
        click.echo(f"note        {state.port_note}")


def show_variables(state: LabState, workspace: Workspace) -> None:
    """Print the command that makes another terminal use this lab."""
    pairs = (f"{name}={shlex.quote(value)}" for name, value in variables(state, workspace).items())
    click.echo(f"terminal    export {' '.join(pairs)}")
    if own := own_login_folder():
        click.echo(f"            your own OPENFAAS_CONFIG stays: {own}")
        click.echo("            a real faas-cli has the lab's password once it is unset")
