"""``labkit up``, ``down`` and ``reset``, and the options for starting a lab."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import click

from labkit.cli.status import show_addresses, show_variables
from labkit.clients.supervisor import CHANGE_SECONDS, ask
from labkit.lifecycle.running_lab import require_state, stop_workspace
from labkit.supervisor.settings import MAX_WORKERS, Settings
from labkit.workspace import Workspace

_option = partial(click.option, show_default=True)
_SETTINGS = (
    _option("--gateway-port", default=Settings.gateway_port, help="Used if free; 0: any."),
    _option("--inspector-port", default=Settings.inspector_port, help="Used if free; 0: any."),
    _option(
        "--max-inflight",
        type=click.IntRange(min=1),
        default=Settings.max_inflight,
        help="Calls that a queue-worker runs at once.",
    ),
    _option(
        "--workers",
        type=click.IntRange(1, MAX_WORKERS),
        default=Settings.workers,
        help="Number of queue-workers.",
    ),
    _option(
        "--max-retry-attempts",
        default=Settings.max_retry_attempts,
        help="Most attempts of a call, the first included (OpenFaaS Pro: 10).",
    ),
    _option(
        "--initial-retry-wait",
        default=Settings.initial_retry_wait,
        help="Wait before the second attempt, doubled for each further one (Pro: 10s).",
    ),
    _option("--max-retry-wait", default=Settings.max_retry_wait, help="The longest wait (Pro: 120s)."),
    click.option(
        "--ack-wait",
        default=Settings.ack_wait,
        help="How long a delivery may stay unacknowledged before it is redelivered, e.g. 30s.",
    ),
    click.option(
        "--sync-interval",
        default=Settings.sync_interval,
        help="JetStream's; 'always' syncs each call to the disk before its 202.",
    ),
    _option("--timeout", default=Settings.timeout, help="Seconds until the lab must be ready."),
)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with an option for each setting of a lab."""
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine; Ctrl-C is its normal end."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("\nThe lab has ended.")


@click.command()
@click.option("--detach/--no-detach", default=True, help="Leave it running and return; or wait for Ctrl-C.")
@settings_options
@click.pass_obj
def up(workspace: Workspace, /, detach: bool, **options: Any) -> None:
    """Start the workspace's lab, unless it runs already."""
    settings = Settings(workspace=str(workspace.root), lifeline=not detach, **options)
    run_until_interrupted(_up(workspace, settings))


async def _up(workspace: Workspace, settings: Settings) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    show_addresses(lab.state)
    show_variables(lab.state, workspace)
    if not lab.is_owned:
        return
    click.echo("Ctrl-C ends it.")
    try:
        await lab.wait()
    finally:
        await lab.stop()


@click.command()
@click.pass_obj
def down(workspace: Workspace) -> None:
    """Stop the workspace's lab; queued calls stay queued.

    It does not matter which process started the lab.
    """
    if asyncio.run(stop_workspace(workspace)):
        click.echo(f"The lab in {workspace.root} is stopped.")
    else:
        click.echo(f"No lab runs in {workspace.root}.")


@click.command()
@click.pass_obj
def reset(workspace: Workspace) -> None:
    """Remove every function, queued call and event; keep the images."""
    state = require_state(workspace)
    begin = time.monotonic()
    asyncio.run(ask(state, "reset", patience=CHANGE_SECONDS))
    click.echo(f"The lab is as new, after {time.monotonic() - begin:.1f} s.")
