"""The shell of JupyterLab's terminals: the user's own, with the lab's tools.

It is not a login shell: those reset ``PATH`` on Debian (``/etc/profile``) and
on macOS (``path_helper``). A shell's startup files may put other folders
first, too, or set ``OPENFAAS_URL`` for another gateway. So the lab's variables
are set once more after them, by the files in ``startup/``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from labkit.lifecycle.environment import variables
from labkit.workspace import Workspace
from labkit_services.contract.errors import UnsafePathError

_STARTUP = Path(__file__).with_name("startup")
_TOOLS = ("faas-cli", "kubectl", "labkit")
_NO_SHELLS = ("false", "nologin", "true")
"""The "shells" of users that may not log in."""
_SH = ("ash", "dash", "ksh", "ksh93", "mksh", "sh", "yash")


def main() -> None:
    """Become the shell."""
    environment = dict(os.environ)
    scripts = sysconfig.get_path("scripts")
    environment["PATH"] = prepend(scripts, environment.get("PATH", os.defpath))
    lab: Mapping[str, str] = {}
    try:
        workspace = Workspace.find()
        if state := workspace.read_state():
            lab = variables(state, workspace)
    except UnsafePathError as error:
        sys.stderr.write(f"{error}\n")
    command, environment = shell_command(find_shell(environment), environment, scripts, lab)
    os.execve(command[0], command, environment)  # noqa: S606 - a shell, and no other between


def prepend(folder: str, path: str) -> str:
    """Return ``PATH`` with the folder first, and there only."""
    others = [other for other in path.split(os.pathsep) if other != folder]
    return os.pathsep.join([folder, *others])


def find_shell(environment: Mapping[str, str]) -> str:
    """Return the path of the user's shell: ``$SHELL``, bash or sh."""
    wanted = environment.get("SHELL", "")
    for name in (wanted, "bash", "sh"):
        program = shutil.which(name, path=environment.get("PATH")) if name else None
        if program and os.path.basename(program) not in _NO_SHELLS:
            return program
    return "/bin/sh"


def shell_command(
    shell: str, environment: Mapping[str, str], scripts: str, lab: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of an interactive shell.

    A shell that is not known here only inherits the environment.

    Args:
        shell: Its path.
        environment: What it inherits.
        scripts: The folder that comes first in ``PATH``.
        lab: The variables of a running lab.
    """
    kind = os.path.basename(shell)
    inherited = {**environment, **lab}
    if kind == "fish":
        return [shell, "-i", "-C", _fish_code(scripts, lab)], inherited
    code = {"LABKIT_SHELL": _posix_code(scripts, lab)}
    if kind == "bash":
        return [shell, "--rcfile", str(_STARTUP / "bashrc"), "-i"], {**inherited, **code}
    if kind == "zsh":
        folder = {"LABKIT_ZDOTDIR": environment.get("ZDOTDIR", ""), "ZDOTDIR": str(_STARTUP / "zsh")}
        return [shell, "-i"], {**inherited, **code, **folder}
    if kind in _SH:
        file = {"LABKIT_ENV": environment.get("ENV", ""), "ENV": str(_STARTUP / "shrc")}
        return [shell, "-i"], {**inherited, **code, **file}
    return [shell], inherited


def _posix_code(scripts: str, lab: Mapping[str, str]) -> str:
    """Return what bash, zsh and sh run after the user's startup files."""
    lines = [f"PATH={shlex.quote(scripts)}:$PATH", "export PATH"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in lab.items()]
    lines += [f"unalias {tool} 2>/dev/null" for tool in _TOOLS]
    return "\n".join(lines)


def _fish_code(scripts: str, lab: Mapping[str, str]) -> str:
    lines = [f"set -gx PATH {_fish_quote(scripts)} $PATH"]
    lines += [f"set -gx {name} {_fish_quote(value)}" for name, value in lab.items()]
    lines += [f"functions --erase {' '.join(_TOOLS)}"]
    return "\n".join(lines)


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    main()
