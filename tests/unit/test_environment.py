"""The environment variables by which programs find a lab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.lifecycle import environment
from labkit.workspace import LabState, Workspace, own_login_folder

URL = "http://127.0.0.1:45678"
NATS_URL, CONTEXT = "nats://127.0.0.1:4222", "/lab/nats-context.json"
STATE = LabState(1, "run", URL, "", "", NATS_URL, "", "admin", "secret", "", "", 0, nats_context=CONTEXT)
SECOND = LabState(2, "other", "http://127.0.0.1:45679", "", "", "", "", "admin", "secret", "", "", 0)


@pytest.fixture(autouse=True)
def unset_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset the variables, and forget the labs in the end."""
    for name in ("OPENFAAS_URL", "OPENFAAS_CONFIG", "LABKIT_WORKSPACE", "NATS_URL", "NATS_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    yield
    for state in (SECOND, STATE):
        environment.leave(state)


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
    environment.leave(STATE)
    assert os.environ["OPENFAAS_CONFIG"] == "/home/me/logins"


def test_login_folder_of_another_lab_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = str(Workspace(Path("/other")).login_folder)
    monkeypatch.setenv("OPENFAAS_CONFIG", other)
    environment.enter(STATE, Workspace(tmp_path))

    assert os.environ["OPENFAAS_CONFIG"] == str(Workspace(tmp_path).login_folder)
    environment.leave(STATE)
    assert os.environ["OPENFAAS_CONFIG"] == other


def test_the_variables_of_the_first_lab_come_back_when_the_second_is_left(tmp_path: Path) -> None:
    environment.enter(STATE, Workspace(tmp_path))
    first = dict(os.environ)
    environment.enter(SECOND, Workspace(tmp_path / "elsewhere"))

    assert os.environ["OPENFAAS_URL"] == SECOND.gateway_url
    assert os.environ["LABKIT_WORKSPACE"] == str(tmp_path / "elsewhere")
    environment.leave(SECOND)
    assert dict(os.environ) == first


def test_the_variables_of_a_second_lab_in_the_same_workspace_are_its_own(tmp_path: Path) -> None:
    before = dict(os.environ)
    environment.enter(STATE, Workspace(tmp_path))
    first = dict(os.environ)
    environment.enter(SECOND, Workspace(tmp_path))
    environment.leave(SECOND)

    assert dict(os.environ) == first
    environment.leave(STATE)
    assert dict(os.environ) == before


def test_the_second_lab_keeps_its_variables_when_the_first_is_left(tmp_path: Path) -> None:
    before = dict(os.environ)
    environment.enter(STATE, Workspace(tmp_path))
    environment.enter(SECOND, Workspace(tmp_path / "elsewhere"), login_folder="")
    second = dict(os.environ)
    environment.leave(STATE)

    # What only the first has set goes with it.
    gone = {"NATS_URL", "NATS_CONTEXT", "OPENFAAS_CONFIG"}
    assert dict(os.environ) == {name: value for name, value in second.items() if name not in gone}
    environment.leave(SECOND)
    assert dict(os.environ) == before


def test_a_variable_that_was_changed_between_two_labs_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.enter(STATE, Workspace(tmp_path))
    monkeypatch.setenv("OPENFAAS_URL", "http://mine")
    environment.enter(SECOND, Workspace(tmp_path))
    environment.leave(STATE)
    environment.leave(SECOND)

    assert os.environ["OPENFAAS_URL"] == "http://mine"
