"""Binder's start script, and a plain ``jupyter lab``: what a learner finds.

As on Binder and on a Hub, no option of ours is given.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A scratch copy of what the server shows."""
    folder = tmp_path / "repository"
    for name in ("binder", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    return folder


def test_start_runs_its_command_and_names_the_learner_s_folder(hub: dict[str, str], clone: Path) -> None:
    ran = subprocess.run(
        [
            str(clone / "binder/start"),
            "/bin/sh",
            "-c",
            'printf "%s|" "$@"; cd "$LABKIT_WORKSPACE"; pwd; exit 7',
            "sh",
            "two words",
            "one",
        ],
        env={**hub, "PATH": "/nowhere"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (7, f"two words|one|{clone}\n", "")


@contextlib.contextmanager
def jupyter(hub: dict[str, str], root: Path, *before: str) -> Iterator[str]:
    """Run a JupyterLab as on a Hub for a ``with`` block; yield its address."""
    runtime, log = Path(hub["JUPYTER_RUNTIME_DIR"]), Path(hub["HOME"]) / "jupyter.log"
    command = ["jupyter", "lab", "--no-browser", "--port=0", f"--ServerApp.base_url={PREFIX}"]
    command += ["--allow-root", "--IdentityProvider.token=secret", f"--ServerApp.root_dir={root}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*before, *command],
            env=hub,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _address(process, runtime, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def server(hub: dict[str, str], clone: Path) -> Iterator[str]:
    """The address of a JupyterLab that was launched as on Binder."""
    with jupyter(hub, clone, str(clone / "binder/start")) as address:
        yield address


def ask(address: str) -> httpx.Response:
    return httpx.get(address, headers={"Authorization": "token secret"}, timeout=30)


def first_page(server: str) -> str:
    return ask(server).headers["Location"].rstrip("?")


def widgets(server: str, workspace: str) -> dict[str, object]:
    """Return the tabs of a workspace, and with what arguments they are opened."""
    data = ask(f"{server}lab/api/workspaces/{workspace}").json()["data"]
    return {name: value["data"] for name, value in data.items() if "data" in value}


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    # `start` ends in exec: the started process is the server, and its file is named by its process id.
    file = runtime / f"jpserver-{process.pid}.json"

    def address() -> str:
        assert process.poll() is None, f"JupyterLab ended with {process.poll()}:\n{log.read_text()[-2000:]}"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["url"])
        return ""

    return eventually(address, log, within=60)


COPY = "my-notebooks/en/00-welcome.ipynb"
PANES = {
    f"notebook:{COPY}": {"path": COPY, "factory": "Notebook"},
    "terminal:1": {"name": "1"},
    "server-proxy:server-proxy:labkit": {
        "id": "server-proxy:labkit",
        "title": "Lab page",
        "url": f"{PREFIX}labkit/",
        "newBrowserTab": False,
    },
}


def test_a_launch_opens_notebook_lab_page_and_terminal_under_a_hub_prefix(server: str, clone: Path) -> None:
    assert server.endswith(PREFIX)
    assert first_page(server) == f"{PREFIX}lab/workspaces/labkit"
    assert widgets(server, "labkit") == PANES
    assert (clone / COPY).is_file()
    assert widgets(server, "default") == {}
    # What a link may also name.
    assert ask(f"{server}lab/workspaces/labkit/tree/{COPY}").status_code == 200
    assert ask(f"{server}labkit/").status_code == 503  # no lab yet, and no 404


def test_a_later_launch_keeps_the_learner_s_tabs_and_corrects_the_lab_page_s_address(
    hub: dict[str, str], clone: Path
) -> None:
    """JupyterLab saves the whole address of a page that its launcher opened."""
    mine = {"notebook:mine.ipynb": {"data": {"path": "mine.ipynb", "factory": "Notebook"}}}
    name = "server-proxy:server-proxy:labkit"
    page = {"id": "server-proxy:labkit", "title": "Lab page", "newBrowserTab": False}
    old = {name: {"data": {**page, "url": "http://127.0.0.1:8888/user/x/labkit/"}}}
    with jupyter(hub, clone) as server:
        saved = {"metadata": {"id": "labkit"}, "data": {**mine, **old}}
        httpx.put(
            f"{server}lab/api/workspaces/labkit",
            json=saved,
            headers={"Authorization": "token secret"},
            timeout=30,
        ).raise_for_status()

    with jupyter(hub, clone) as server:
        assert widgets(server, "labkit") == {
            "notebook:mine.ipynb": mine["notebook:mine.ipynb"]["data"],
            name: {**page, "url": f"{PREFIX}labkit/"},
        }


def test_another_project_s_jupyterlab_is_as_without_labkit(hub: dict[str, str], tmp_path: Path) -> None:
    """Also if a lab has run in its folder."""
    root = tmp_path / "project"
    (root / ".labkit").mkdir(parents=True)

    with jupyter(hub, root) as server:
        assert first_page(server) == f"{PREFIX}lab"
        assert widgets(server, "labkit") == widgets(server, "default") == {}

    assert [path.name for path in root.iterdir()] == [".labkit"]
    assert not (tmp_path / "workspaces").exists()


def test_a_hub_names_the_learner_s_folder_below_the_home_folder(hub: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "learner"
    root.mkdir()

    with jupyter({**hub, "LABKIT_WORKSPACE": str(root / "course")}, root) as server:
        assert first_page(server) == f"{PREFIX}lab"  # their own; the Hub may set another
        shown = widgets(server, "labkit")

    assert (root / "course" / COPY).is_file()
    assert shown[f"notebook:course/{COPY}"] == {"path": f"course/{COPY}", "factory": "Notebook"}
    assert shown["terminal:1"] == {"name": "1", "cwd": "course"}


def test_a_folder_that_cannot_be_written_still_starts(hub: dict[str, str], clone: Path) -> None:
    (clone / "my-notebooks").write_text("a file in the way")

    with jupyter(hub, clone) as server:
        assert ask(f"{server}lab").status_code == 200
        assert widgets(server, "labkit") == {}

    log = (Path(hub["HOME"]) / "jupyter.log").read_text()
    assert "labkit | The notebooks can't be copied into your own folder." in log


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
