"""``labkit up``, ``down`` and ``reset``; the options for starting a lab."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from labkit.cli.attached import json_option, show
from labkit.cli.remote import require_no_gateway
from labkit.cli.status import addresses, show_addresses, show_variables
from labkit.clients.supervisor import SupervisorClient
from labkit.default_settings import FUNCTIONS_VARIABLE, NATS_VARIABLES, chosen_nats
from labkit.language import translated
from labkit.lifecycle.nats_account import delete_lab_streams
from labkit.lifecycle.running_lab import empty_workspace, require_state, stop_workspace
from labkit.signals import cleaning_up
from labkit.supervisor.settings import MAX_WORKERS, Settings
from labkit.workspace import Workspace
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.function_providers import FUNCTION_PROVIDERS
from labkit_services.runtime.nats_login import NatsLogin, has_secrets, without_secrets

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab

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
    "listen": "IPv4 address of this machine for gateway and inspector, for workers on other hosts. Whoever "
    "reaches it can call the functions; passwords are sent in the clear.",
    "nats_replicas": "Servers that hold each message of an existing NATS; 0: 3 on a cluster, else 1.",
    "timeout": "Seconds until the lab must be ready.",
}
_TYPES = {
    "functions": click.Choice(FUNCTION_PROVIDERS),
    "max_inflight": click.IntRange(min=1),
    "workers": click.IntRange(1, MAX_WORKERS),
}
_VARIABLES = {"functions": FUNCTIONS_VARIABLE}


def nats_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the options for an existing NATS."""
    url, credentials = NATS_VARIABLES
    command = click.option(
        "--nats-credentials",
        envvar=credentials,
        default="",
        metavar="FILE",
        help="Login and certificates: a context of the nats command (JSON), a .creds file, an NKey's seed, "
        f"or a certificate to trust (PEM). [env: {credentials}]",
    )(command)
    return click.option(
        "--nats",
        envvar=url,
        default="",
        metavar="URL,URL",
        help=f"An existing NATS, nats://HOST:PORT or tls://HOST:PORT, instead of the lab's own. [env: {url}]",
    )(command)


def nats_login(nats: str, nats_credentials: str) -> NatsLogin:
    """Return the login of these options.

    Raises:
        InvalidValueError: They can't be used, or an argument has a password,
            which every user of this machine could read.
    """
    if has_secrets(nats) and nats != os.environ.get(NATS_VARIABLES[0]):
        raise InvalidValueError(
            "a password or a token in --nats can be read by every user of this machine",
            expected="addresses alone",
            seen=", ".join(map(without_secrets, nats.split(","))),
            next_step="put it into a file for --nats-credentials, or the addresses into the variable "
            + NATS_VARIABLES[0],
        )
    return chosen_nats(nats or None, nats_credentials or None)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with options for the settings of a lab."""
    command = nats_options(command)
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


def lab_settings(workspace: Workspace, options: dict[str, Any], *, lifeline: bool = True) -> Settings:
    """Return the settings of ``settings_options``."""
    others = {name: value for name, value in options.items() if name not in ("nats", "nats_credentials")}
    login = nats_login(options["nats"], options["nats_credentials"])
    return Settings(workspace=str(workspace.root), lifeline=lifeline, nats=login, **others)


def require_chosen(lab: AsyncLab, settings: Settings) -> None:
    """Raise LabRunningError if the lab runs with other settings than asked.

    A default asks for nothing.
    """
    source = click.get_current_context().get_parameter_source("functions")
    is_chosen = source is not ParameterSource.DEFAULT
    lab.require(functions=settings.functions if is_chosen else "", nats=settings.nats.url)


def run_until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine; Ctrl-C is its normal end, after its clean-up."""
    try:
        with cleaning_up():
            asyncio.run(work)
    except KeyboardInterrupt:
        click.echo("\n" + translated("The lab has ended."))
        raise


@click.command()
@click.option("--detach/--no-detach", default=True, help="Leave it running and return; or wait for Ctrl-C.")
@settings_options
@json_option
@click.pass_obj
def up(workspace: Workspace, /, detach: bool, as_json: bool, **options: Any) -> None:
    """Start the workspace's lab, unless it runs already.

    With LABKIT_GATEWAY, notebooks use that OpenFaaS: no lab is started.
    """
    require_no_gateway()
    settings = lab_settings(workspace, options, lifeline=not detach)
    run_until_interrupted(_up(workspace, settings, as_json))


async def _up(workspace: Workspace, settings: Settings, as_json: bool) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    require_chosen(lab, settings)
    if as_json:
        click.echo(json.dumps(addresses(lab.state, workspace)))
    else:
        show_addresses(lab.state, lab.workspace)
        show_variables(lab.state, workspace)
    for finding in (await lab.status()).damage:
        click.echo(translated("damaged store: ") + translated(finding), err=True)
    if not lab.is_owned:
        return
    click.echo(translated("Ctrl-C ends it."), err=as_json)
    try:
        await lab.wait()
    finally:
        if stays := await lab.stop():
            click.echo(translated(stays), err=True)


@click.command()
@json_option
@click.pass_obj
def down(workspace: Workspace, as_json: bool) -> None:
    """Stop the workspace's lab; queued calls stay queued.

    It does not matter which process started the lab.
    """
    stays = asyncio.run(stop_workspace(workspace))
    stopped = stays is not None
    text = f"The lab in {workspace.root} is stopped." if stopped else f"No lab runs in {workspace.root}."
    text = " ".join(map(translated, (text, stays) if stays else (text,)))
    show(as_json, text, stopped=stopped, workspace=str(workspace.root), stays=stays or "")


@click.command()
@click.option("--force", is_flag=True, help="Also if no lab runs or can start, or if it hangs: end it first.")
@click.option("--lab", "name", default="", help="With --force --nats: the lab whose streams are deleted.")
@nats_options
@json_option
@click.pass_obj
def reset(
    workspace: Workspace, force: bool, name: str, nats: str, nats_credentials: str, as_json: bool
) -> None:
    """Remove every function, queued call and event; keep the images.

    max_inflight and the number of queue-workers are again as the lab was
    started with them.

    With --force --nats the lab's streams in an existing NATS are deleted, and
    others may use its account.
    """
    begin = time.monotonic()
    if force:
        asyncio.run(empty_workspace(workspace))
        text = f"The store of the lab in {workspace.root} is empty, and no lab runs; start it with: labkit up"
        text = translated(text)
        if (login := nats_login(nats, nats_credentials)).url:
            deleted = asyncio.run(delete_lab_streams(login, workspace, name))
            text += "\n" + translated(f"{len(deleted)} streams were deleted in NATS ({login.url}).")
    else:
        asyncio.run(SupervisorClient(require_state(workspace)).reset())
        text = f"The lab is as new, after {time.monotonic() - begin:.1f} s."
    seconds = round(time.monotonic() - begin, 3)
    show(as_json, text, reset=True, forced=force, seconds=seconds, workspace=str(workspace.root))
