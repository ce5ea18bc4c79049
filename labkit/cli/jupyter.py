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
from typing import IO

from labkit.errors import LabStartError
from labkit.lifecycle.log_files import last_lines
from labkit.lifecycle.processes import exited
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabTimeoutError

FIRST_NOTEBOOK = "notebooks/en/01-sync-vs-async.ipynb"
START_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 3
_KEEPER = Path(__file__).parents[1] / "supervisor" / "parent_death_wrapper.py"


class Jupyter:
    """A JupyterLab server that ends when this process does, however it does."""

    def __init__(self, workspace: Workspace, notebook: str, *, browser: bool, port: int) -> None:
        self._workspace = workspace
        self._notebook = notebook if (workspace.root / notebook).exists() else ""
        self._browser = browser
        self._port = port
        self._token = secrets.token_hex(24)
        self._process: subprocess.Popen[bytes] | None = None
        self.log = workspace.logs / "jupyter.log"

    async def start(self) -> str:
        """Start it and return the URL of the notebook, token included.

        Raises:
            LabStartError: It ended.
            LabTimeoutError: It did not answer in time.
        """
        # Here, because only this command needs it.
        from jupyter_core.paths import jupyter_runtime_dir

        with self.log.open("wb") as log:
            self._process = self._spawn(log)
        runtime = Path(jupyter_runtime_dir())
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise LabStartError(
                    "JupyterLab ended before it was ready.",
                    seen=f"exit code {self._process.returncode}",
                    log=last_lines(self.log, 8)[0],
                    next_step=f"read the whole log: {self.log}",
                )
            if url := self._find_url(runtime):
                return url
            if asyncio.get_running_loop().time() > deadline:
                raise LabTimeoutError(
                    "JupyterLab did not become ready in time.",
                    expected=f"an address within {START_SECONDS:g} s",
                    log=last_lines(self.log, 8)[0],
                    next_step=f"read the whole log: {self.log}",
                )
            await asyncio.sleep(_LOOK_SECONDS)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        options = [
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self._port}",
            f"--ServerApp.root_dir={self._workspace.root}",
            # Without internet there are no news to be asked about, on top of the first notebook.
            "--LabApp.news_url=None",
        ]
        if not self._browser:
            options.append("--no-browser")
        if os.geteuid() == 0:
            # In a container there is often only root; the server listens on loopback.
            options.append("--allow-root")
        notebook = [str(self._workspace.root / self._notebook)] if self._notebook else []
        command = [sys.executable, "-m", "jupyterlab", *options, *notebook]
        return subprocess.Popen(  # noqa: S603 - our own program and Jupyter's
            [sys.executable, "-S", "-E", str(_KEEPER), str(_GRACE_SECONDS), *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self._workspace.root,
            # Not on the command line, which every user of the machine can read.
            env={**os.environ, "JUPYTER_TOKEN": self._token},
            # Ctrl-C is for us: Jupyter would ask whether it is meant.
            process_group=0,
        )

    def _find_url(self, runtime: Path) -> str:
        """Return the URL from the file in which each Jupyter server says where it is."""
        for path in runtime.glob("jpserver-*.json"):
            try:
                info: Mapping[str, str] = json.loads(path.read_text())
            except (OSError, ValueError):
                continue  # being written, or another user's
            if info.get("token") == self._token:
                page = f"lab/tree/{self._notebook}" if self._notebook else "lab"
                return f"{info['url']}{page}?token={self._token}"
        return ""

    async def wait(self) -> None:
        """Wait until it ends."""
        if self._process is not None:
            await exited(self._process)

    async def stop(self) -> None:
        """End it and its kernels; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await exited(process, _GRACE_SECONDS)
        process.stdin.close()  # from now on the keeper insists
        await exited(process)
