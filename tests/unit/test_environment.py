"""The variables by which programs find a lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labkit.lifecycle import environment
from labkit.workspace import LabState, Workspace, own_login_folder

URL = "http://127.0.0.1:45678"
STATE = LabState(1, "run", URL, "", "", "", "", "admin", "secret", "", "", 0)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which nobody has set anything."""
    for name in ("OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def test_a_lab_s_variables_are_its_address_its_folder_and_its_login(tmp_path: Path) -> None:
    assert environment.variables(STATE, Workspace(tmp_path)) == {
        "OPENFAAS_URL": URL,
        "LABKIT_WORKSPACE": str(tmp_path),
        "OPENFAAS_CONFIG": str(tmp_path / ".labkit/run/openfaas"),
    }


def test_a_login_folder_of_the_user_s_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENFAAS_CONFIG", "/home/me/logins")
    environment.enter(STATE, Workspace(tmp_path))

    assert own_login_folder() == os.environ["OPENFAAS_CONFIG"] == "/home/me/logins"
    environment.leave(Workspace(tmp_path))
    assert os.environ["OPENFAAS_CONFIG"] == "/home/me/logins"


def test_another_lab_s_login_folder_makes_room_for_this_one_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = str(Workspace(Path("/other")).login_folder)
    monkeypatch.setenv("OPENFAAS_CONFIG", other)
    environment.enter(STATE, Workspace(tmp_path))

    assert os.environ["OPENFAAS_CONFIG"] == str(Workspace(tmp_path).login_folder)
    environment.leave(Workspace(tmp_path))
    assert os.environ["OPENFAAS_CONFIG"] == other
