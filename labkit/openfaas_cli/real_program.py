"""Find and run the real program of a work-alike's name."""

from __future__ import annotations

import os
from collections.abc import Sequence

_MARK = b"labkit."
"""At the beginning of each of labkit's start scripts, see ``scripts/``."""


def find_real(name: str) -> str | None:
    """Return the first ``name`` on ``PATH`` that is not labkit's own.

    Scripts of labkit in another environment are skipped too: two work-alikes
    that took each other for the real program would start each other forever.
    """
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = os.path.join(folder or ".", name)
        if not os.path.isfile(program) or not os.access(program, os.X_OK | os.R_OK):
            continue
        with open(program, "rb") as file:
            start = file.read(1024)
        if not (start.startswith(b"#!") and _MARK in start):
            return program
    return None


def run_real_faas_cli(arguments: Sequence[str]) -> None:
    """Become the real faas-cli, with the lab's address; return without one."""
    program = find_real("faas-cli")
    if program is None:
        return
    from labkit.workspace import Workspace  # 10 ms that the work-alike does not need

    # Should the program be a work-alike after all, in some disguise, it must
    # not come back here.
    environment = {**os.environ, "LABKIT_FAAS_CLI": "builtin"}
    workspace = Workspace.find()
    state = workspace.read_state()
    if state and environment.setdefault("OPENFAAS_URL", state.gateway_url) == state.gateway_url:
        environment.setdefault("OPENFAAS_CONFIG", str(workspace.login_folder))
    os.execve(program, [program, *arguments], environment)  # noqa: S606 - no shell is the point
