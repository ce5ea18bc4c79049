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

import click

from labkit.openfaas_cli.faas_cli.command import GLOBAL_FLAGS, Group
from labkit.openfaas_cli.faas_cli.output import coloured_logo, say
from labkit_services.contract.errors import LabError

_VERBS = (
    *("build", "deploy", "describe", "generate", "invoke", "list", "login", "logout", "logs", "namespace"),
    *("new", "publish", "push", "ready", "remove", "secret", "store", "template", "up", "version"),
)
_DEPRECATED = ("namespaces",)
"""Still understood, but the overview keeps silent about them."""

_ALIASES = {"delete": "remove", "ls": "list", "rm": "remove"}


class _Verbs(Group):
    """All verbs; each is imported when it is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what comes before the verb; ``help VERB`` is ``VERB --help``."""
        return super().parse_args(ctx, [*args[1:], "--help"] if args[:1] == ["help"] else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs' names."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb of that name or alias."""
        name = _ALIASES.get(cmd_name, cmd_name)
        if name not in (*_VERBS, *_DEPRECATED):
            return None
        command: click.Command = importlib.import_module(f"labkit.openfaas_cli.faas_cli.verbs.{name}").COMMAND
        return command

    def get_help(self, ctx: click.Context) -> str:
        """Return the overview."""
        return coloured_logo() + super().get_help(ctx)


_FAAS_CLI = _Verbs("Manage your OpenFaaS functions from the command line", {}, flags=GLOBAL_FLAGS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; return the exit code.

    As in the real one, an error goes to standard output, its first letter
    capital, and the exit code is 1.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if os.environ.get("LABKIT_FAAS_CLI") != "builtin":
            from labkit.openfaas_cli.faas_cli.real import run_real_if_found

            run_real_if_found(arguments)
        with _FAAS_CLI.make_context("faas-cli", list(arguments)) as context:
            _FAAS_CLI.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:  # the help was asked for
        return done.exit_code
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
