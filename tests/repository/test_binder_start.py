"""Binder's start script: JupyterLab opens the first notebook."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually

ROOT = Path(__file__).parents[2]
START = ROOT / "binder" / "start"
PREFIX = "/user/a-learner/"


@pytest.fixture
def hub(tmp_path: Path) -> dict[str, str]:
    """A server's environment: a Hub's prefix, and its own Jupyter folders."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "SHELL": "/bin/bash",
    }


def test_start_runs_its_command_even_if_the_layout_cannot_be_imported(
    hub: dict[str, str], tmp_path: Path
) -> None:
    without_jupyter = {**hub, "PATH": str(tmp_path)}

    ran = subprocess.run(
        [str(START), "/bin/sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "two words", "one"],
        env=without_jupyter,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (7, "two words|one|")
    assert "open notebooks/en/01-sync-vs-async.ipynb yourself" in ran.stderr


@pytest.fixture
def server(hub: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab that was launched as on Binder."""
    command = ["jupyter", "lab", "--no-browser", "--port=0", f"--ServerApp.base_url={PREFIX}"]
    command += ["--allow-root", "--IdentityProvider.token=secret", f"--ServerApp.root_dir={ROOT}"]
    log = tmp_path / "jupyter.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(START), *command],
            env=hub,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _address(process, tmp_path / "runtime", log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    # `start` ends in exec: the started process is the server, and its file is named by its process id.
    file = runtime / f"jpserver-{process.pid}.json"

    def address() -> str:
        assert process.poll() is None, f"JupyterLab ended with {process.poll()}:\n{log.read_text()[-2000:]}"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["url"])
        return ""

    return eventually(address, log, within=60)


def test_first_notebook_is_open_under_a_hub_prefix(server: str) -> None:
    response = httpx.get(
        f"{server}lab/api/workspaces/default", headers={"Authorization": "token secret"}, timeout=30
    )

    assert server.endswith(PREFIX)
    assert response.status_code == 200
    layout = response.json()["data"]["layout-restorer:data"]["main"]
    assert layout["current"] == "notebook:notebooks/en/01-sync-vs-async.ipynb"


def test_terminals_have_the_labs_tools_and_nothing_asks_about_news(server: str) -> None:
    """As in every JupyterLab of the environment, started by whatever command."""
    headers = {"Authorization": "token secret"}

    created = httpx.post(f"{server}api/terminals", headers=headers, timeout=30)
    page = httpx.get(f"{server}lab", headers=headers, timeout=30).text

    assert created.status_code == 200
    shell = eventually(our_shell, within=20)
    assert shell["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert "@jupyterlab/apputils-extension:announcements" in page.partition('"disabledExtensions"')[2]


def our_shell() -> dict[str, str] | None:
    """Return the environment of the terminal's shell."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any("labkit/jupyter/startup/bashrc" in word for word in process.cmdline()):
                return process.environ()
    return None


def test_layout_opens_the_notebook_that_it_shows() -> None:
    data = json.loads((ROOT / "binder" / "workspace").read_text())["data"]
    shown = data["layout-restorer:data"]["main"]["dock"]["widgets"]

    paths = [data[widget]["data"]["path"] for widget in shown]

    assert paths == ["notebooks/en/01-sync-vs-async.ipynb"]
