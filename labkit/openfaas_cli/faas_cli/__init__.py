"""faas-cli: a work-alike with the verbs, flags and messages of OpenFaaS's.

With it the lab needs nothing that is not on PyPI. If the real program is on
``PATH``, that one is run instead. A verb is a module of its own, imported only
when it is used: start-up takes most of the time of an invocation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from labkit.openfaas_cli.exit_code import exit_code
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.verb import GLOBAL_FLAGS, Group, Verb
from labkit.openfaas_cli.pflag import UsageError, parse
from labkit.openfaas_cli.real_program import run_real_faas_cli

_VERBS = (
    *("build", "deploy", "describe", "diff", "generate", "invoke", "list, ls", "login", "logout", "logs"),
    *("namespace", "namespaces", "new", "publish", "push", "ready", "remove, rm, delete", "secret", "store"),
    *("template", "up", "version"),
)
_FAAS_CLI = Group(
    "Manage your OpenFaaS functions from the command line", dict.fromkeys(_VERBS), flags=GLOBAL_FLAGS
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code.

    As in the real one, an error is printed on standard output, with a capital
    as its first letter.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: _run(words), lambda error: echo(error[:1].upper() + error[1:]))


def _run(words: Sequence[str]) -> None:
    """Run the real faas-cli if there is one; else find and run the verb."""
    if os.environ.get("LABKIT_FAAS_CLI") != "builtin":
        run_real_faas_cli(words)
    if words and words[0] == "help":  # `help VERB` is `VERB --help`
        words = [*words[1:], "--help"]
    name, names = "faas-cli", ""
    verb: Verb | Group = _FAAS_CLI
    inherited = None
    while isinstance(verb, Group):
        arguments = parse(verb.flags, words, interspersed=False)
        inherited = inherited or arguments
        if arguments.on("help") or not arguments.words:
            break
        found = verb.find(arguments.words[0])
        if found is None:
            raise UsageError(f'unknown command "{arguments.words[0]}" for "{name}"')
        names, verb = found
        name += f" {arguments.words[0]}"
        words = arguments.words[1:]
    else:
        arguments = parse(verb.flags, words, inherited=inherited)
        if not arguments.on("help"):
            verb.run(arguments)
            return
    from labkit.openfaas_cli.faas_cli.help import help_text  # few runs need it, and it takes 4 ms

    sys.stdout.write(help_text(name, names, verb))
