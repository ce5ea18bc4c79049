"""The environment variables by which programs find a lab."""

from __future__ import annotations

import os
import sysconfig

from labkit.workspace import LabState, Workspace, own_login_folder

_entered: dict[LabState, dict[str, tuple[str | None, str]]] = {}
"""The labs whose variables are set, the newest last.

Each variable of a lab has its value before, or None, and after.
"""


def enter(state: LabState, workspace: Workspace, login_folder: str | None = None) -> None:
    """Set the variables, so that ``!faas-cli`` in a cell uses the lab.

    Those of a lab that was entered before come back when this one is left.

    ``login_folder`` has the login if it is not the workspace's lab; "" leaves
    it to the user's own.
    """
    leave(state)
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != scripts:
        path = scripts + os.pathsep + path
    values = {"PATH": path, **variables(state, workspace, login_folder)}
    _entered[state] = {name: (os.environ.get(name), value) for name, value in values.items()}
    os.environ.update(values)


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


def leave(state: LabState) -> None:
    """Undo ``enter``, except for variables that were changed since.

    A variable that a newer lab has set stays, and gets the value from before
    this lab when the newer one is left.
    """
    labs = list(_entered)
    newer = labs[labs.index(state) + 1 :] if state in _entered else []
    for name, (before, after) in _entered.pop(state, {}).items():
        above = next((_entered[lab] for lab in newer if name in _entered[lab]), None)
        if above is not None:
            if above[name][0] == after:
                above[name] = before, above[name][1]
        elif os.environ.get(name) == after:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
