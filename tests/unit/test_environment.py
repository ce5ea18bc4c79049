"""The environment variables by which programs find a lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labkit.lifecycle import environment
from labkit.workspace import LabState, Workspace, own_login_folder

URL = "http://127.0.0.1:45678"
NATS_URL, CONTEXT = "nats://127.0.0.1:4222", "/lab/nats-context.json"
STATE = LabState(1, "run", URL, "", "", NATS_URL, "", "admin", "secret", "", "", 0, nats_context=CONTEXT)


@pytest.fixture(autouse=True)
def unset_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables."""
    for name in ("OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_WORKSPACE", "NATS_URL", "NATS_CONTEXT"):
        monkeypatch.delenv(name, raising=False)


def test_variables_are_address_workspace_and_login_folder(tmp_path: Path) -> None:
    assert environment.variables(STATE, Workspace(tmp_path)) == {
        "OPENFAAS_URL": URL,
        "LABKIT_WORKSPACE": str(tmp_path),
        "NATS_URL": NATS_URL,
        "NATS_CONTEXT": CONTEXT,
        "OPENFAAS_CONFIG": str(tmp_path / ".labkit/run/openfaas"),
    }


def test_login_folder_that_the_user_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENFAAS_CONFIG", "/home/me/logins")
    environment.enter(STATE, Workspace(tmp_path))

    assert own_login_folder() == os.environ["OPENFAAS_CONFIG"] == "/home/me/logins"
    environment.leave(Workspace(tmp_path))
    assert os.environ["OPENFAAS_CONFIG"] == "/home/me/logins"


def test_login_folder_of_another_lab_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = str(Workspace(Path("/other")).login_folder)
    monkeypatch.setenv("OPENFAAS_CONFIG", other)
    environment.enter(STATE, Workspace(tmp_path))

    assert os.environ["OPENFAAS_CONFIG"] == str(Workspace(tmp_path).login_folder)
    environment.leave(Workspace(tmp_path))
    assert os.environ["OPENFAAS_CONFIG"] == other
