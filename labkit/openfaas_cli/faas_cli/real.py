"""Hand over to the real faas-cli, with what it needs to know of the lab."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from labkit.openfaas_cli.real_program import find_real


def run_real_if_found(arguments: Sequence[str]) -> None:
    """Become the real faas-cli if there is one on ``PATH``; else return."""
    program = find_real("faas-cli")
    if program is not None:
        _become(program, arguments)


def _become(program: Path, arguments: Sequence[str]) -> NoReturn:
    from labkit.workspace import Workspace  # this module is imported for every command

    # Should it be ours after all, in some disguise, it must not come back here.
    environment = {**os.environ, "LABKIT_FAAS_CLI": "builtin"}
    workspace = Workspace.find()
    state = workspace.read_state()
    if state and environment.setdefault("OPENFAAS_URL", state.gateway_url) == state.gateway_url:
        environment.setdefault("OPENFAAS_CONFIG", str(workspace.login_folder))
    os.execve(program, [str(program), *arguments], environment)  # noqa: S606 - no shell is the point
