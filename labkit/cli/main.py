"""The command line: ``labkit up``, ``labkit status``, ``labkit lab`` and the others.

Modules are imported where they are used: ``labkit status`` should not wait
for what only ``labkit lab`` needs.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labkit.cli.faults import fault, faults
from labkit.cli.queue_commands import call, cancel, dead, queue
from labkit.cli.workers import worker
from labkit.workspace import Workspace, own_login_folder
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION

if TYPE_CHECKING:
    from labkit.supervisor.settings import Settings
    from labkit.workspace import LabState

_RUNS = 3


def main() -> None:
    """Run the command line; an error of the lab is a message, not a traceback."""
    try:
        cli()
    except LabError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="labkit")
@click.option(
    "--workspace",
    "-w",
    type=click.Path(file_okay=False, path_type=Path),
    help="The lab's folder; by default the one that the current folder belongs to.",
)
@click.pass_context
def cli(context: click.Context, workspace: Path | None) -> None:
    """A small, real OpenFaaS on your own machine, to learn asynchronous functions with."""
    context.obj = Workspace(workspace.expanduser().resolve()) if workspace else Workspace.find()


def _with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a lab is run."""
    for option in reversed(
        (
            click.option("--gateway-port", default=8080, show_default=True, help="Used if free; 0: any."),
            click.option("--inspector-port", default=8090, show_default=True, help="Used if free; 0: any."),
            click.option(
                "--max-inflight",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                help="Calls that a queue-worker runs at once.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(1, 16),
                default=1,
                show_default=True,
                help="How many queue-workers.",
            ),
            click.option(
                "--max-retry-attempts",
                default=3,
                show_default=True,
                help="How often a call is tried (OpenFaaS Pro: 10).",
            ),
            click.option(
                "--initial-retry-wait",
                default="1s",
                show_default=True,
                help="Before the second attempt; doubled each time (Pro: 10s).",
            ),
            click.option(
                "--max-retry-wait", default="10s", show_default=True, help="The longest wait (Pro: 120s)."
            ),
            click.option("--ack-wait", default="", help="How long a delivery is the worker's, e.g. 30s."),
            click.option(
                "--sync-interval",
                default="",
                help="JetStream's; 'always' writes each call through to the disk before its 202.",
            ),
            click.option("--timeout", default=10.0, show_default=True, help="Seconds to ready."),
        )
    ):
        command = option(command)
    return command


@cli.command()
@click.option("--detach/--no-detach", default=True, help="Leave it running and return; or wait for Ctrl-C.")
@_with_settings
@click.pass_obj
def up(workspace: Workspace, /, detach: bool, **options: Any) -> None:
    """Start the workspace's lab, unless it runs already."""
    settings = _settings(workspace, lifeline=not detach, **options)
    _until_interrupted(_up(workspace, settings))


async def _up(workspace: Workspace, settings: Settings) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    _show(lab.state)
    _show_variables(lab.state, workspace)
    if not lab.is_owned:
        return
    click.echo("Ctrl-C ends it.")
    try:
        await lab.wait()
    finally:
        await lab.stop()


@cli.command()
@click.pass_obj
def down(workspace: Workspace) -> None:
    """Stop the workspace's lab, whoever started it; what is queued stays queued."""
    from labkit.lifecycle.running import end_workspace

    if asyncio.run(end_workspace(workspace)):
        click.echo(f"The lab in {workspace.root} is stopped.")
    else:
        click.echo(f"No lab runs in {workspace.root}.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.pass_obj
def status(workspace: Workspace, as_json: bool) -> None:
    """Show the state of every service."""
    from labkit.clients.supervisor import ask
    from labkit.lifecycle.running import require_state
    from labkit.views.status import LabStatus

    state = require_state(workspace)
    answer = asyncio.run(ask(state, "status"))
    if as_json:
        click.echo(json.dumps(answer))
        return
    _show(state)
    _show_variables(state, workspace)
    click.echo(str(LabStatus.from_json(answer)))


@cli.command()
@click.pass_obj
def reset(workspace: Workspace) -> None:
    """Make the lab as new: no function, no queued call, no event; images stay."""
    import time

    from labkit.clients.supervisor import CHANGE_SECONDS, ask
    from labkit.lifecycle.running import require_state

    state = require_state(workspace)
    begin = time.monotonic()
    asyncio.run(ask(state, "reset", patience=CHANGE_SECONDS))
    click.echo(f"The lab is as new, after {time.monotonic() - begin:.1f} s.")


@cli.command()
@click.argument("service")
@click.option("--follow", "-f", is_flag=True, help="Go on as lines are added, until Ctrl-C.")
@click.option("--tail", default=100, show_default=True, help="Begin with so many of the last lines.")
@click.pass_obj
def logs(workspace: Workspace, service: str, follow: bool, tail: int) -> None:
    """Show the log of SERVICE: gateway, queue-worker, inspector, nats-server or supervisor."""
    from labkit.lifecycle import log_files as logfiles

    path = logfiles.log_path(workspace, service)
    lines, end = logfiles.last_lines(path, tail)
    for line in lines:
        click.echo(line)
    if follow:
        for text in logfiles.follow(path, end):
            click.echo(text, nl=False)


@cli.command()
@click.option("--start/--no-start", default=True, help="Measure a start, in a temporary folder.")
@click.option("--runs", default=_RUNS, show_default=True, help="How many starts to measure.")
@click.pass_obj
def doctor(workspace: Workspace, start: bool, runs: int) -> None:
    """Look at versions and ports, and at where each millisecond of a start goes."""
    from labkit.cli import doctor as looks

    good = True
    for finding in looks.findings(workspace):
        good = good and finding.good
        click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<12}  {finding.value}")
    if start:
        click.echo()
        starts = [asyncio.run(looks.measure_start()) for _ in range(max(1, runs))]
        best = min(starts, key=lambda one: one.to_ready_ms)
        totals = ", ".join(f"{one.to_ready_ms:.0f}" for one in starts)
        click.echo(f"from asking to a ready lab: {totals} ms; the fastest of them:")
        click.echo("\n".join(looks.draw(best.timeline)))
        click.echo(f"from ending to nothing left: {best.to_gone_ms:.0f} ms")
    if not good:
        sys.exit(1)


@cli.command()
@click.option(
    "--picture",
    default="labkit-demo.png",
    show_default=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where the timelines are drawn.",
)
def demo(picture: Path) -> None:
    """Show it: ten calls that block for ten seconds, and ten that return at once."""
    from labkit.cli.demo import run

    run(picture, click.echo)


@cli.command("lab")
@click.option("--notebook", default="", help="Notebook to open, relative to the workspace.")
@click.option("--browser/--no-browser", default=True, help="Open it in a browser.")
@click.option("--port", default=8888, show_default=True, help="JupyterLab's port; another if it is in use.")
@_with_settings
@click.pass_obj
def lab_command(workspace: Workspace, /, notebook: str, browser: bool, port: int, **options: Any) -> None:
    """Start the lab and JupyterLab on the first notebook; Ctrl-C ends both."""
    from labkit.cli.jupyter import FIRST_NOTEBOOK, Jupyter

    jupyter = Jupyter(workspace, notebook or FIRST_NOTEBOOK, browser=browser, port=port)
    _until_interrupted(_lab(_settings(workspace, **options), jupyter))


async def _lab(settings: Settings, jupyter: Any) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    try:
        _show(lab.state)
        url = await jupyter.start()
        click.echo(f"JupyterLab  {url}\n\nCtrl-C ends it all.")
        await jupyter.wait()
    finally:
        await jupyter.stop()
        await lab.stop()


def _until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work``; Ctrl-C is how it is meant to end, so no complaint follows."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("\nThe lab has ended.")


def _settings(workspace: Workspace, **options: Any) -> Settings:
    from labkit.supervisor.settings import Settings

    return Settings(workspace=str(workspace.root), **options)


def _show(state: LabState) -> None:
    click.echo(f"gateway     {state.gateway_url}")
    click.echo(f"inspector   {state.inspector_page}")


def _show_variables(state: LabState, workspace: Workspace) -> None:
    """Say what makes programs in a terminal that the lab has not started find it."""
    from labkit.lifecycle.environment import variables

    pairs = (f"{name}={shlex.quote(value)}" for name, value in variables(state, workspace).items())
    click.echo(f"terminal    export {' '.join(pairs)}")
    if own := own_login_folder():
        click.echo(f"            your own OPENFAAS_CONFIG stays: {own}")
        click.echo("            a real faas-cli has the lab's password once it is unset")


for command in (queue, dead, call, cancel, fault, faults, worker):
    cli.add_command(command)


if __name__ == "__main__":
    main()
