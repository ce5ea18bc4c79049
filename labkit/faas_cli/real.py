"""Hand over to the real faas-cli, with what it needs to know of the lab."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labkit.programs import find_real

if TYPE_CHECKING:
    from labkit.workspace import LabState


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
        environment.setdefault("OPENFAAS_CONFIG", str(write_login(workspace.folder / "openfaas", state)))
    os.execve(program, [str(program), *arguments], environment)  # noqa: S606 - no shell is the point


def write_login(folder: Path, state: LabState) -> Path:
    """Write the login that lets the real faas-cli use the lab's ``/system`` routes; return its folder."""
    from base64 import b64encode

    folder.mkdir(mode=0o700, exist_ok=True)
    token = b64encode(f"{state.user}:{state.password}".encode()).decode()
    content = f"auths:\n- gateway: {state.gateway_url}\n  auth: basic\n  token: {token}\n"
    draft = folder / f"config.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    draft.replace(folder / "config.yml")
    return folder
