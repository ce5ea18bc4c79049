"""Find and run the real program of a work-alike's name."""

from __future__ import annotations

import os

from labkit_services.contract.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

_MARK = b"labkit."
"""At the beginning of each of labkit's start scripts, see ``scripts/``."""


class RealProgramError(LabError, OSError):
    """The real program can't be executed."""


def find_real(name: str) -> str | None:
    """Return the first ``name`` on ``PATH`` that is not labkit's own.

    Scripts of labkit in another environment are skipped too: two work-alikes
    that took each other for the real program would start each other forever.
    """
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = os.path.join(folder or ".", name)
        if not os.path.isfile(program) or not os.access(program, os.X_OK | os.R_OK):
            continue
        try:
            with open(program, "rb") as file:
                start = file.read(1024)
        except OSError:
            continue
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
    instead = "use the lab's own, which needs no other: export LABKIT_FAAS_CLI=builtin"
    become(program, arguments, environment, instead)


def become(program: str, arguments: Sequence[str], environment: Mapping[str, str], instead: str) -> NoReturn:
    """Become a program; ``instead`` is what to do if that fails."""
    try:
        os.execve(program, [program, *arguments], environment)  # noqa: S606 - no shell is the point
    except (OSError, ValueError) as error:
        raise RealProgramError(
            f"{program} is the first {os.path.basename(program)} on PATH, and can't be executed",
            expected="a program for this machine",
            seen=(getattr(error, "strerror", "") or str(error)).lower(),
            next_step=f"remove it or install it again; or {instead}",
        ) from error
