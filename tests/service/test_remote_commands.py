"""Commands while LABKIT_GATEWAY names an OpenFaaS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from labkit_command import LABKIT
from openfaas_elsewhere import OpenFaas, openfaas

from labkit.workspace import Workspace


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenFaas]:
    with openfaas(tmp_path_factory.mktemp("openfaas")) as found:
        yield found


def labkit(workspace: Path, gateway: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LABKIT_GATEWAY": gateway}
    command = [LABKIT, "--workspace", str(workspace), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def with_login(remote: OpenFaas) -> str:
    return remote.url.replace("http://", f"http://{remote.user}:{remote.password}@")


def test_labkit_status_shows_the_openfaas(remote: OpenFaas, workspace: Path) -> None:
    shown = labkit(workspace, with_login(remote), "status")
    as_json = labkit(workspace, with_login(remote), "status", "--json")

    assert shown.returncode == 0, shown.stderr
    assert remote.url in shown.stdout
    assert "not available here" in shown.stdout
    assert remote.password not in shown.stdout + as_json.stdout
    assert json.loads(as_json.stdout)["remote"]["gateway"] == remote.url


def test_labkit_status_of_a_gateway_that_is_gone_is_one_clear_error(workspace: Path) -> None:
    failed = labkit(workspace, "http://127.0.0.1:9", "status")

    assert failed.returncode == 1
    assert "can't be reached" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_labkit_up_is_refused_with_a_next_step(remote: OpenFaas, workspace: Path) -> None:
    failed = labkit(workspace, with_login(remote), "up")

    assert failed.returncode == 1
    assert "No lab was started" in failed.stderr
    assert "env -u LABKIT_GATEWAY labkit up" in failed.stderr
    assert remote.password not in failed.stderr
    assert Workspace(workspace).lock_holder() is None

    asked = labkit(workspace, with_login(remote), "queue")  # what only a lab here has

    assert "LABKIT_GATEWAY is set" in asked.stderr


def test_labkit_lab_starts_no_lab(remote: OpenFaas, workspace: Path) -> None:
    environment = {**os.environ, "LABKIT_GATEWAY": with_login(remote)}
    command = [LABKIT, "--workspace", str(workspace), "lab", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            shown = next(line for line in lines if line.startswith("JupyterLab"))
            assert "http://127.0.0.1:" in shown
            assert Workspace(workspace).lock_holder() is None
        finally:
            process.terminate()
