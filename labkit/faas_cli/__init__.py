"""faas-cli: the lab's own, with the verbs, flags and words of OpenFaaS's.

It exists so that the lab works without an installation of anything outside
PyPI. Where the real program is on ``PATH``, that one is run. Every verb is a
module of its own, imported when it is asked for: start-up is most of what an
invocation costs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from labkit.faas_cli.command import GLOBAL_FLAGS, Command, say_help
from labkit.faas_cli.output import say, say_logo
from labkit.flags import UsageError, parse
from services.contract.errors import LabError

_VERBS = (
    *("build", "deploy", "describe", "generate", "invoke", "list", "login", "logout", "logs", "namespace"),
    *("new", "publish", "push", "ready", "remove", "secret", "store", "template", "up", "version"),
)
_DEPRECATED = ("namespaces",)
"""Still understood, but the overview keeps silent about them."""

_ALIASES = {"delete": "remove", "ls": "list", "rm": "remove"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code.

    As in the real one, an error goes to standard output, its first letter
    capital, and the exit code is 1.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if os.environ.get("LABKIT_FAAS_CLI") != "builtin":
            from labkit.faas_cli.real import run_real_if_found

            run_real_if_found(arguments)
        _run(list(arguments))
        sys.stdout.flush()
    except LabError as error:
        text = str(error)
        say(text[:1].upper() + text[1:])
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (`faas-cli list | head`); the interpreter would complain at its own flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    return 0


def _run(arguments: list[str]) -> None:
    position = _verb_position(arguments)
    if position is None:
        _say_overview()
        return
    verb = arguments.pop(position)
    name = _ALIASES.get(verb, verb)
    if name == "help":
        _run([*arguments, "--help"])
        return
    if name not in (*_VERBS, *_DEPRECATED):
        raise UsageError(f'unknown command "{verb}" for "faas-cli"')
    path, command = f"faas-cli {name}", _command(name)
    while command.subcommands and arguments and not arguments[0].startswith("-"):
        path, command = _subcommand(path, command, arguments)
    given = parse([*command.flags, *GLOBAL_FLAGS], arguments)
    if given.on("help") or command.run is None:
        say_help(command, path)
    else:
        command.run(given)


def _command(name: str) -> Command:
    module = importlib.import_module(f"labkit.faas_cli.verbs.{name}")
    command: Command = module.COMMAND
    return command


def _subcommand(path: str, command: Command, arguments: list[str]) -> tuple[str, Command]:
    """Return the subcommand that ``arguments`` begin with, and take its name out."""
    verb = arguments.pop(0)
    for name, subcommand in command.subcommands.items():
        if verb == name or verb in subcommand.aliases:
            return f"{path} {name}", subcommand
    raise UsageError(f'unknown command "{verb}" for "{path}"')


def _verb_position(arguments: list[str]) -> int | None:
    """Return where the verb stands: global flags, with their values, may come first."""
    takes_value = {"--yaml", "-f", "--filter", "--regex"}
    position = 0
    while position < len(arguments):
        if not arguments[position].startswith("-"):
            return position
        position += 2 if arguments[position] in takes_value else 1
    return None


def _say_overview() -> None:
    say_logo()
    verbs = {name: _command(name) for name in _VERBS}
    say_help(
        Command("[command]", "Manage your OpenFaaS functions from the command line", subcommands=verbs),
        "faas-cli",
    )
