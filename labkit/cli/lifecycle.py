"""``labkit up``, ``down`` and ``reset``; the options for starting a lab."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import click

from labkit.cli.attached import json_option, show
from labkit.cli.status import addresses, show_addresses, show_variables
from labkit.clients.supervisor import SupervisorClient
from labkit.default_settings import FUNCTIONS_VARIABLE
from labkit.lifecycle.running_lab import empty_workspace, require_state, stop_workspace
from labkit.signals import cleaning_up
from labkit.supervisor.settings import MAX_WORKERS, Settings
from labkit.workspace import Workspace
from labkit_services.contract.function_providers import FUNCTION_PROVIDERS

_HELP = {
    "functions": "What functions run in; docker: containers of this machine's engine.",
    "gateway_port": "Used if free; 0: any.",
    "inspector_port": "Used if free; 0: any.",
    "max_inflight": "Calls that a queue-worker runs at once.",
    "workers": "Number of queue-workers.",
    "max_retry_attempts": "Most attempts of a call, the first included (OpenFaaS Pro: 10).",
    "initial_retry_wait": "Wait before the second attempt, doubled for each further one (Pro: 10s).",
    "max_retry_wait": "The longest wait (Pro: 120s).",
    "ack_wait": "How long a delivery may stay unacknowledged before it is redelivered, e.g. 30s.",
    "sync_interval": "JetStream's; 'always' syncs each call to the disk before its 202.",
    "timeout": "Seconds until the lab must be ready.",
}
_TYPES = {
    "functions": click.Choice(FUNCTION_PROVIDERS),
    "max_inflight": click.IntRange(min=1),
    "workers": click.IntRange(1, MAX_WORKERS),
}
_VARIABLES = {"functions": FUNCTIONS_VARIABLE}


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with options for the settings of a lab."""
    for name, text in reversed(_HELP.items()):
        default = getattr(Settings, name)
        command = click.option(
            f"--{name.replace('_', '-')}",
            default=default,
            show_default=bool(default),
            type=_TYPES.get(name),
            envvar=_VARIABLES.get(name),
            show_envvar=name in _VARIABLES,
            help=text,
        )(command)
    return command


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine; Ctrl-C is its normal end, after its clean-up."""
    try:
        with cleaning_up():
            asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("\nThe lab has ended.")
        raise


@click.command()
@click.option("--detach/--no-detach", default=True, help="Leave it running and return; or wait for Ctrl-C.")
@settings_options
@json_option
@click.pass_obj
def up(workspace: Workspace, /, detach: bool, as_json: bool, **options: Any) -> None:
    """Start the workspace's lab, unless it runs already."""
    settings = Settings(workspace=str(workspace.root), lifeline=not detach, **options)
    run_until_interrupted(_up(workspace, settings, as_json))


async def _up(workspace: Workspace, settings: Settings, as_json: bool) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    if as_json:
        click.echo(json.dumps(addresses(lab.state, workspace)))
    else:
        show_addresses(lab.state, lab.workspace)
        show_variables(lab.state, workspace)
    for finding in (await lab.status()).damage:
        click.echo(f"damaged store: {finding}", err=True)
    if not lab.is_owned:
        return
    click.echo("Ctrl-C ends it.", err=as_json)
    try:
        await lab.wait()
    finally:
        await lab.stop()


@click.command()
@json_option
@click.pass_obj
def down(workspace: Workspace, as_json: bool) -> None:
    """Stop the workspace's lab; queued calls stay queued.

    It does not matter which process started the lab.
    """
    stopped = asyncio.run(stop_workspace(workspace))
    text = f"The lab in {workspace.root} is stopped." if stopped else f"No lab runs in {workspace.root}."
    show(as_json, text, stopped=stopped, workspace=str(workspace.root))


@click.command()
@click.option("--force", is_flag=True, help="Also if no lab runs or can start, or if it hangs: end it first.")
@json_option
@click.pass_obj
def reset(workspace: Workspace, force: bool, as_json: bool) -> None:
    """Remove every function, queued call and event; keep the images.

    max_inflight and the number of queue-workers are again as the lab was
    started with them.
    """
    begin = time.monotonic()
    if force:
        asyncio.run(empty_workspace(workspace))
        text = f"The store of the lab in {workspace.root} is empty, and no lab runs; start it with: labkit up"
    else:
        asyncio.run(SupervisorClient(require_state(workspace)).reset())
        text = f"The lab is as new, after {time.monotonic() - begin:.1f} s."
    seconds = round(time.monotonic() - begin, 3)
    show(as_json, text, reset=True, forced=force, seconds=seconds, workspace=str(workspace.root))
