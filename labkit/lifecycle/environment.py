"""What a lab means for the commands that a notebook cell or a terminal runs."""

from __future__ import annotations

import os
import sysconfig
from dataclasses import dataclass

from labkit.workspace import LabState, Workspace, own_login_folder


@dataclass(frozen=True)
class _Change:
    """A variable that was set: what it was, and what it was set to."""

    before: str | None
    after: str


_changes: dict[str, _Change] = {}


def enter(state: LabState, workspace: Workspace) -> None:
    """Make ``!faas-cli`` in a cell find the lab: its address, its workspace, a login, and the program."""
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != scripts:
        _set("PATH", scripts + os.pathsep + path)
    for name, value in variables(state, workspace).items():
        _set(name, value)


def variables(state: LabState, workspace: Workspace) -> dict[str, str]:
    """Return what tells any program of the lab; a real faas-cli needs no more, not even a login.

    A folder of logins that the user chose stays the user's: it may hold what
    other work needs, and is no place for a lab to write to.
    """
    found = {"OPENFAAS_URL": state.gateway_url, "LABKIT_WORKSPACE": str(workspace.root)}
    return found if own_login_folder() else {**found, "OPENFAAS_CONFIG": str(workspace.login_folder)}


def leave(workspace: Workspace) -> None:
    """Undo ``enter``, except for what someone else has set since."""
    if os.environ.get("LABKIT_WORKSPACE") != str(workspace.root):
        return
    for name, change in _changes.items():
        if os.environ.get(name) != change.after:
            continue
        if change.before is None:
            del os.environ[name]
        else:
            os.environ[name] = change.before
    _changes.clear()


def _set(name: str, value: str) -> None:
    known = _changes.get(name)
    before = known.before if known else os.environ.get(name)
    os.environ[name] = value
    _changes[name] = _Change(before, value)
