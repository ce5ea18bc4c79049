"""A real faas-cli, started by its full path, uses the lab without a login."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from labkit_command import ANY_PORTS, LABKIT
from labs import start_lab
from marked_processes import assert_gone

from labkit.workspace import Workspace

LIST = f"""#!{sys.executable}
# faas-cli list as the real one does it: it knows only two variables and the file that one of them names.
import os, urllib.request, yaml
gateway = os.environ["OPENFAAS_URL"]
with open(os.path.join(os.environ["OPENFAAS_CONFIG"], "config.yml")) as file:
    tokens = [auth["token"] for auth in yaml.safe_load(file)["auths"] if auth["gateway"] == gateway]
if not tokens:
    print("Failed to lookup auth config: no auth config found for", gateway)
headers = {{"Authorization": f"Basic {{token}}" for token in tokens}}
request = urllib.request.Request(gateway + "/system/functions", headers=headers)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    """The full path of a program that knows no more than the real faas-cli."""
    file = tmp_path / "faas-cli"
    file.write_text(LIST)
    file.chmod(0o755)
    return str(file)


@pytest.fixture(autouse=True)
def unset_variables(mark: str) -> None:
    """Unset the lab's variables; ``mark`` restores the environment."""
    for name in ("OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_WORKSPACE"):
        os.environ.pop(name, None)


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.row("4.5 no login needed")
def test_kernel_needs_no_login(workspace: Path, program: str) -> None:
    with start_lab(workspace):
        assert run(program) == "[]\n"


def test_login_is_private_and_is_removed_with_the_lab(workspace: Path) -> None:
    folder = Workspace(workspace).login_folder
    with start_lab(workspace) as lab:
        assert os.environ["OPENFAAS_CONFIG"] == str(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [file.name for file in folder.iterdir()] == ["config.yml"]
        assert stat.S_IMODE((folder / "config.yml").stat().st_mode) == 0o600
        lab.reset()
        assert (folder / "config.yml").exists()

    assert not folder.exists()
    assert "OPENFAAS_CONFIG" not in os.environ


@pytest.mark.row("4.5 no login needed")
def test_terminal_finds_the_lab_by_the_variables_that_up_prints(workspace: Path, program: str) -> None:
    up = shlex.join([LABKIT, "-w", str(workspace), "up", *ANY_PORTS])
    try:
        line = f'eval "$({up} | grep -o "export .*")" && exec {program}'

        assert run("bash", "-c", line) == "[]\n"
        assert f"export OPENFAAS_URL={Workspace(workspace).read_state().gateway_url} " in run(
            LABKIT, "-w", str(workspace), "status"
        )
    finally:
        run(LABKIT, "-w", str(workspace), "down")


def test_own_login_folder_stays_and_status_reports_it(workspace: Path) -> None:
    own = workspace / "my logins"
    os.environ["OPENFAAS_CONFIG"] = str(own)
    with start_lab(workspace):
        status = run(LABKIT, "-w", str(workspace), "status")

        assert os.environ["OPENFAAS_CONFIG"] == str(own)
    assert not own.exists()
    assert f"your own OPENFAAS_CONFIG stays: {own}\n" in status
    assert "OPENFAAS_CONFIG=" not in status


@pytest.mark.row("4.5 no login needed")
def test_terminals_and_kernels_of_jupyterlab_inherit_the_login(workspace: Path, mark: str) -> None:
    command = [LABKIT, "-w", str(workspace), "lab", "--no-browser", "--port", "0", *ANY_PORTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        try:
            assert lab.stdout is not None
            while not lab.stdout.readline().startswith("JupyterLab"):
                assert lab.poll() is None
            servers = [
                child
                for child in psutil.Process(lab.pid).children(recursive=True)
                if "jupyterlab" in child.cmdline()
            ]

            assert {server.environ()["OPENFAAS_CONFIG"] for server in servers} == {
                str(Workspace(workspace).login_folder)
            }
        finally:
            lab.terminate()
            lab.wait(20)
    # Jupyter has three seconds to end its kernels before it is killed.
    assert_gone(mark, within=10)
