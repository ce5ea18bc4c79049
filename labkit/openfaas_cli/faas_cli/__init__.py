"""faas-cli: a work-alike with the verbs, flags and messages of OpenFaaS's.

With it the lab needs nothing that is not on PyPI. If the real program is on
``PATH``, that one is run instead. A verb is a module of its own, imported only
when it is used: start-up takes most of the time of an invocation.
"""

from __future__ import annotations

import os
import sys

from labkit.openfaas_cli.exit_code import exit_code
from labkit.openfaas_cli.faas_cli.output import echo, echo_logo, warn
from labkit.openfaas_cli.faas_cli.verb import GLOBAL_FLAGS, HELP, HELP_ABOUT, Group, Verb, find_verb
from labkit.openfaas_cli.pflag import UsageError, first_word, parse
from labkit.openfaas_cli.real_program import run_real_faas_cli

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = (
    *("auth", "bashcompletion", "build", "chart", "cloud", "completion", "deploy", "describe", "diff"),
    *("generate", "invoke", "list, ls", "local-run", "login", "logout", "logs", "namespace, ns"),
    *("namespaces", "new", "plugin", "print-token", "publish", "push", "ready", "registry-login"),
    *("remove, rm, delete", "secret", "store", "template", "up", "version"),
)
FAAS_CLI = Group("Manage your OpenFaaS functions from the command line", dict.fromkeys(_VERBS))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code.

    As in the real one, an error is printed on standard output, with a capital
    as its first letter.
    """
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code("faas-cli", lambda: _run(words), lambda error: echo(error[:1].upper() + error[1:]))


def _run(words: Sequence[str]) -> None:
    """Run the real faas-cli if there is one; else find and run the verb."""
    if os.environ.get("LABKIT_FAAS_CLI") != "builtin":
        run_real_faas_cli(words)
    words = list(words)
    if words[:1] == ["help"]:
        _print_help(words[1:])
        return
    if words[:1] in (["__complete"], ["__completeNoDesc"]):
        _complete(words)
        return
    path, verb = find_verb(FAAS_CLI, words)
    word = first_word(GLOBAL_FLAGS, words)
    if verb is FAAS_CLI and word is not None:
        from labkit.openfaas_cli.faas_cli.plugins import run_plugin
        from labkit.openfaas_cli.faas_cli.suggestions import unknown_command  # only for an error

        run_plugin(words)
        raise unknown_command(words[word], FAAS_CLI)
    arguments = parse(verb.flags, words)
    if isinstance(verb, Group) and verb.alone and not arguments.on("help"):
        echo(verb.alone)
    elif isinstance(verb, Group) or arguments.on("help"):
        if verb is FAAS_CLI and not arguments.on("help"):
            echo_logo()
        _show_help(path, verb)
    else:
        verb.run(arguments)


def _complete(words: list[str]) -> None:
    """Run ``faas-cli __complete WORD…``, which completes the last word."""
    from labkit.openfaas_cli.faas_cli.completion import complete  # only for a shell

    if len(words) == 1:
        raise UsageError("requires at least 1 arg(s), only received 0")
    completion = complete(FAAS_CLI, words[1:])
    for line in completion.lines(described=words[0] == "__complete"):
        echo(line)
    for line in completion.notes():
        warn(line)


def _print_help(words: list[str]) -> None:
    """Run ``faas-cli help VERB``; an unknown verb is no error."""
    if parse((HELP, *GLOBAL_FLAGS), words).on("help"):
        _show_help(["faas-cli", "help"], Verb(HELP_ABOUT, lambda _: None, words="[command]"))
        return
    asked = f"[{' '.join(f'`{word}`' for word in words)}]"
    path, verb = find_verb(FAAS_CLI, words)
    if verb is FAAS_CLI and first_word(GLOBAL_FLAGS, words) is not None:
        from labkit.openfaas_cli.faas_cli.help import usage_text

        sys.stderr.write(f"Unknown help topic {asked}\n{usage_text(path, verb)}")
    else:
        _show_help(path, verb)


def _show_help(path: list[str], verb: Verb | Group) -> None:
    from labkit.openfaas_cli.faas_cli.help import help_text  # few runs need it, and it takes 4 ms

    sys.stdout.write(help_text(path, verb))
