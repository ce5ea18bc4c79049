"""The environment variables by which programs find a lab."""

from __future__ import annotations

import os
import sysconfig

from labkit.workspace import LabState, Workspace, own_login_folder

_changes: dict[str, tuple[str | None, str]] = {}
"""Each variable that was set: its value before, or None, and after."""


def enter(state: LabState, workspace: Workspace, login_folder: str | None = None) -> None:
    """Set the variables, so that ``!faas-cli`` in a cell uses the lab.

    ``login_folder`` has the login if it is not the workspace's lab; "" leaves
    it to the user's own.
    """
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != scripts:
        _set("PATH", scripts + os.pathsep + path)
    for name, value in variables(state, workspace, login_folder).items():
        _set(name, value)


def variables(state: LabState, workspace: Workspace, login_folder: str | None = None) -> dict[str, str]:
    """Return the variables; with them a real faas-cli works without a login.

    The ``nats`` command reads ``NATS_CONTEXT``, which may be a file's path.

    ``OPENFAAS_CONFIG`` is left out if the user has set it: that folder may
    hold logins to other gateways, and a lab must not write to it.
    """
    found = {"OPENFAAS_URL": state.gateway_url, "LABKIT_WORKSPACE": str(workspace.root)}
    if state.nats_url:
        found |= {"NATS_URL": state.nats_url, "NATS_CONTEXT": state.nats_context}
    if login_folder is None:
        login_folder = "" if own_login_folder() else str(workspace.login_folder)
    return {**found, "OPENFAAS_CONFIG": login_folder} if login_folder else found


def leave(workspace: Workspace) -> None:
    """Undo ``enter``, except for variables that were changed since."""
    if os.environ.get("LABKIT_WORKSPACE") != str(workspace.root):
        return
    for name, (before, after) in _changes.items():
        if os.environ.get(name) == after:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
    _changes.clear()


def _set(name: str, value: str) -> None:
    before, _ = _changes.get(name, (os.environ.get(name), ""))
    os.environ[name] = value
    _changes[name] = (before, value)
