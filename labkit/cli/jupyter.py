"""``labkit lab``: JupyterLab beside a lab, one Ctrl-C for both."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import click

from labkit.cli.lifecycle import run_until_interrupted, settings_options
from labkit.cli.status import show_addresses
from labkit.errors import LabStartError
from labkit.lifecycle.launch import wait_for_exit
from labkit.supervisor import parent_death_wrapper
from labkit.supervisor.settings import Settings
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.runtime.log_tail import tail

_FIRST_NOTEBOOK = "notebooks/en/01-sync-vs-async.ipynb"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 3


@click.command()
@click.option("--notebook", default="", help="Notebook to open, relative to the workspace.")
@click.option("--browser/--no-browser", default=True, help="Open it in a browser.")
@click.option("--port", default=8888, show_default=True, help="JupyterLab's port; another if it is in use.")
@settings_options
@click.pass_obj
def lab(workspace: Workspace, /, notebook: str, browser: bool, port: int, **options: Any) -> None:
    """Start the lab and JupyterLab; Ctrl-C ends both.

    JupyterLab opens the first notebook, unless --notebook names another one.
    """
    jupyter = Jupyter(workspace, notebook or _FIRST_NOTEBOOK, browser=browser, port=port)
    run_until_interrupted(_lab(Settings(workspace=str(workspace.root), **options), jupyter))


async def _lab(settings: Settings, jupyter: Jupyter) -> None:
    from labkit.lab.async_lab import AsyncLab

    lab = await AsyncLab.start(settings)
    try:
        show_addresses(lab.state)
        url = await jupyter.start()
        click.echo(f"JupyterLab  {url}\n\nCtrl-C ends it all.")
        await jupyter.wait()
    finally:
        await jupyter.stop()
        await lab.stop()


class Jupyter:
    """A JupyterLab server that ends when this process does, also when killed."""

    def __init__(self, workspace: Workspace, notebook: str, *, browser: bool, port: int) -> None:
        self._workspace = workspace
        self._notebook = notebook if (workspace.root / notebook).exists() else ""
        self._browser = browser
        self._port = port
        self._token = secrets.token_hex(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = workspace.logs / "jupyter.log"

    async def start(self) -> str:
        """Start the server; return the notebook's URL, token included.

        Raises:
            LabStartError: The server's process ended.
            LabTimeoutError: The server was not ready in time.
        """
        # Imported on use: no other command needs it.
        from jupyter_core.paths import jupyter_runtime_dir

        with self._log.open("wb") as log:
            self._process = self._spawn(log)
        runtime = Path(jupyter_runtime_dir())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise LabStartError(
                    "JupyterLab ended before it was ready.",
                    seen=f"exit code {self._process.returncode}",
                    log=tail(self._log),
                    next_step=f"read the whole log: {self._log}",
                )
            if url := self._find_url(runtime):
                return url
            if loop.time() > deadline:
                raise LabTimeoutError(
                    "JupyterLab did not become ready in time.",
                    expected=f"an address within {_START_SECONDS:g} s",
                    log=tail(self._log),
                    next_step=f"read the whole log: {self._log}",
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        options = [
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self._port}",
            f"--ServerApp.root_dir={self._workspace.root}",
            # Without it JupyterLab covers the first notebook with a question about fetching news.
            "--LabApp.news_url=None",
        ]
        if not self._browser:
            options.append("--no-browser")
        if os.geteuid() == 0:
            # Containers often have no other user; the server listens on loopback only.
            options.append("--allow-root")
        notebook = [str(self._workspace.root / self._notebook)] if self._notebook else []
        command = [sys.executable, "-m", "jupyterlab", *options, *notebook]
        wrapper = [sys.executable, "-S", "-E", parent_death_wrapper.__file__, str(_GRACE_SECONDS)]
        return subprocess.Popen(  # noqa: S603 - our own program and Jupyter's
            [*wrapper, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self._workspace.root,
            # Not on the command line, which every user of the machine can read.
            env={**os.environ, "JUPYTER_TOKEN": self._token},
            # Out of reach of the terminal's Ctrl-C, which Jupyter would ask to confirm.
            process_group=0,
        )

    def _find_url(self, runtime: Path) -> str:
        """Return the URL from the info file of the server with our token; "" if there is none yet."""
        for path in runtime.glob("jpserver-*.json"):
            try:
                info: Mapping[str, str] = json.loads(path.read_text())
            except (OSError, ValueError):
                continue  # Being written, or another user's.
            if info.get("token") == self._token:
                page = f"lab/tree/{self._notebook}" if self._notebook else "lab"
                return f"{info['url']}{page}?token={self._token}"
        return ""

    async def wait(self) -> None:
        """Wait until the server has ended."""
        if self._process is not None:
            await wait_for_exit(self._process)

    async def stop(self) -> None:
        """End the server and its kernels; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await wait_for_exit(process, _GRACE_SECONDS)
        process.stdin.close()  # Now the wrapper kills the server after its own grace period.
        await wait_for_exit(process)
