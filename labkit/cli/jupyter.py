"""``labkit lab``: JupyterLab beside a lab, one Ctrl-C for both."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from labkit.cli.attached import json_option
from labkit.cli.lifecycle import lab_settings, require_chosen, run_until_interrupted, settings_options
from labkit.cli.remote import show_remote_status
from labkit.cli.status import addresses, show_addresses
from labkit.default_settings import default_gateway
from labkit.errors import LabStartError
from labkit.jupyter.first_view import PAGE
from labkit.language import translated
from labkit.lifecycle.launch import wait_for_exit
from labkit.notebook_copies.copies import NotebookCopies
from labkit.notebook_copies.plan import CopyState
from labkit.supervisor import parent_death_wrapper
from labkit.supervisor.files import prepare_folder
from labkit.supervisor.settings import Settings
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.files.own_file import open_own
from labkit_services.runtime.log_tail import tail
from labkit_services.runtime.python_process import python_command

_Process = subprocess.Popen[bytes]

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 3
"""JupyterLab's time to end its kernels before it is killed."""


@click.command()
@click.option(
    "--notebook",
    default="",
    metavar="PATH",
    help="Notebook to open, relative to the workspace, beside the tabs of the last time.",
)
@click.option("--browser/--no-browser", default=True, help="Open it in a browser.")
@click.option("--port", default=8888, show_default=True, help="JupyterLab's port; another if it is in use.")
@settings_options
@json_option
@click.pass_obj
def lab(
    workspace: Workspace, /, notebook: str, browser: bool, port: int, as_json: bool, **options: Any
) -> None:
    """Start the lab and JupyterLab; Ctrl-C ends both.

    You work on copies of the notebooks, in my-notebooks; labkit notebooks
    lists them. JupyterLab shows the notebook, the lab's page and a terminal;
    as you arrange them, they are there the next time. With LABKIT_GATEWAY,
    notebooks use that OpenFaaS: no lab is started.
    """
    settings = lab_settings(workspace, options)
    for change in NotebookCopies(workspace).update():
        if change.state is CopyState.OUTDATED and not as_json:
            click.echo(change.sentence)
    arguments = [f"--ServerApp.port={port}", *([] if browser else ["--no-browser"])]
    jupyter = _run_jupyter(workspace, notebook, arguments)
    json_of = workspace if as_json else None
    if default_gateway():
        show_remote_status(as_json)
        prepare_folder(workspace)  # a lab's supervisor does it
        run_until_interrupted(_run_alone(jupyter, json_of))
    else:
        run_until_interrupted(_run(settings, jupyter, json_of))


async def _run_alone(
    jupyter: AbstractAsyncContextManager[tuple[str, _Process]], json_of: Workspace | None
) -> None:
    """Run JupyterLab, whose notebooks use an OpenFaaS elsewhere."""
    async with jupyter as (url, process):
        text = f"JupyterLab  {url}\n\n{translated('Ctrl-C ends it.')}"
        click.echo(text if json_of is None else json.dumps({"jupyterlab": url}))
        await wait_for_exit(process)


async def _run(
    settings: Settings,
    jupyter: AbstractAsyncContextManager[tuple[str, _Process]],
    json_of: Workspace | None,
) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    require_chosen(lab, settings)
    try:
        if json_of is None:
            show_addresses(lab.state, lab.workspace)
        async with jupyter as (url, process):
            if json_of is None:
                click.echo(f"JupyterLab  {url}\n\n{translated('Ctrl-C ends it all.')}")
            else:
                click.echo(json.dumps({**addresses(lab.state, json_of), "jupyterlab": url}))
            await wait_for_exit(process)
    finally:
        await lab.stop()


@asynccontextmanager
async def _run_jupyter(
    workspace: Workspace, notebook: str, arguments: Sequence[str]
) -> AsyncIterator[tuple[str, _Process]]:
    """Run JupyterLab; yield its URL, token included, and its process.

    It also ends, with its kernels, when this process is killed.
    """
    token = secrets.token_hex(24)
    page = PAGE.removeprefix("/")
    if notebook:
        page += f"/tree/{quote(notebook)}"
    log = workspace.logs / "jupyter.log"
    process = _spawn(workspace, [f"--LabApp.default_url=/{page}", *arguments], token, log)
    try:
        yield await _wait_for_url(process, token, log) + f"{page}?token={token}", process
    finally:
        assert process.stdin is not None
        process.terminate()
        await wait_for_exit(process, _GRACE_SECONDS)
        process.stdin.close()  # Now the wrapper kills JupyterLab after the same grace period.
        await wait_for_exit(process)


def _spawn(workspace: Workspace, arguments: Sequence[str], token: str, log: Path) -> _Process:
    wrapper = [sys.executable, "-S", "-E", parent_death_wrapper.__file__, str(_GRACE_SECONDS)]
    command = [
        *python_command("jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={workspace.root}",
        # Which tabs are open: not those of the user's other projects, nor of
        # another lab.
        f"--LabApp.workspaces_dir={workspace.folder / 'jupyterlab'}",
        # Containers often have no user but root; the server listens on
        # loopback only.
        *(["--allow-root"] if os.geteuid() == 0 else []),
        *arguments,
    ]
    with open(open_own(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own program and Jupyter's
            [*wrapper, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=workspace.root,
            env=_environment(workspace, token),
            # Out of reach of the terminal's Ctrl-C, which Jupyter would ask to
            # confirm.
            process_group=0,
        )


def _environment(workspace: Workspace, token: str) -> dict[str, str]:
    # The token is not on the command line, which every user of the machine can
    # read. labkit.jupyter takes it out of the kernels' environment.
    environment = {**os.environ, "JUPYTER_TOKEN": token}
    if "LABKIT_WORKSPACE" in environment:
        # --workspace wins, for the kernels and terminals as well.
        environment["LABKIT_WORKSPACE"] = str(workspace.root)
    return environment


async def _wait_for_url(process: _Process, token: str, log: Path) -> str:
    # Imported on use: only this command needs it.
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = Path(jupyter_runtime_dir())
    whole_log = f"read the whole log: {log}"
    try:
        async with asyncio.timeout(_START_SECONDS):
            while process.poll() is None:
                if (url := _find_url(runtime, token)) and await _listens(url):
                    return url
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise LabTimeoutError(
            "JupyterLab did not become ready in time.",
            expected=f"an address within {_START_SECONDS:g} s",
            log=tail(log),
            next_step=whole_log,
        ) from None
    raise LabStartError(
        "JupyterLab ended before it was ready.",
        seen=f"exit code {process.returncode}",
        log=tail(log),
        next_step=whole_log,
    )


def _find_url(runtime: Path, token: str) -> str:
    """Return the URL of the server that has our token, or ""."""
    for path in runtime.glob("jpserver-*.json"):
        try:
            info: Mapping[str, str] = json.loads(path.read_text())
        except (OSError, ValueError):
            continue  # Being written, or another user's.
        if info.get("token") == token:
            return info["url"]
    return ""


async def _listens(url: str) -> bool:
    """Jupyter's server tells its address a moment before it listens there."""
    address = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except OSError:
        return False
    writer.close()
    return True
