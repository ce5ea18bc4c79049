"""faas-cli completion: print a shell's completion script."""

from __future__ import annotations

import sys

from labkit.openfaas_cli.faas_cli.completion_scripts import BASH, ZSH
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError, quoted

_SCRIPTS = {"bash": BASH, "zsh": ZSH}


def _run(arguments: Arguments) -> None:
    if not arguments.given("shell"):
        raise UsageError('required flag(s) "shell" not set')
    shell = arguments.text("shell")
    if not shell:
        raise UsageError("--shell is required and must be bash or zsh")
    if shell not in _SCRIPTS:
        raise UsageError(f"{quoted(shell)} shell not supported, must be bash or zsh")
    sys.stdout.write(_SCRIPTS[shell])


COMMAND = Verb(
    "Print a script with which a shell completes verbs and flags",
    _run,
    flags=(Flag("shell", "", "", "The shell: bash or zsh"),),
    words="SHELL",
    examples=("source <(faas-cli completion --shell bash)", "faas-cli completion --shell zsh"),
)
