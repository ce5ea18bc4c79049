"""The ``labkit`` command: its entry point, and where each command is defined.

A command's module is imported when the command is run: ``labkit logs`` does
not wait for what ``labkit doctor`` needs. ``labkit.lab``, which loads the
clients of gateway and queues, is imported inside the functions that use it, so
that ``labkit --help``, which imports all commands, is quick, too.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from labkit.cli.in_language import choose_language, in_language, usage_errors
from labkit.language import LANGUAGES, translated
from labkit.openfaas_cli.exit_code import open_standard_streams
from labkit.signals import die_of
from labkit.unexpected import as_lab_error
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION

_COMMANDS = {
    "binder": ("binder",),
    "bins": ("bins", "requests"),
    "class_summary": ("class",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "faults": ("fault", "faults"),
    "jupyter": ("lab",),
    "lifecycle": ("up", "down", "reset"),
    "notebooks": ("notebooks",),
    "open": ("open",),
    "queues": ("queue", "dead", "call", "cancel"),
    "status": ("status", "logs"),
    "timeline": ("timeline",),
    "workers": ("worker",),
}
"""The commands that each module of this package defines."""
_FUNCTIONS = {"class": "class_", "open": "open_record"}
"""Functions whose name is not the command's: it is Python's own."""
_MODULES = {command: module for module, commands in _COMMANDS.items() for command in commands}


class LazyGroup(click.Group):
    """A group that imports the module of a command on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of that name."""
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"labkit.cli.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, _FUNCTIONS.get(cmd_name, cmd_name))
        return in_language(command)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line's beginning."""
        with usage_errors():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; die of a signal instead of exiting with a code."""
        try:
            with usage_errors():
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            die_of(interrupt)
        except BrokenPipeError:  # nobody reads its output any more
            die_of(signal.SIGPIPE)


def main() -> None:
    """Run the command line; show an error of the lab without a traceback."""
    open_standard_streams()
    LabError.in_language = staticmethod(translated)
    try:
        cli()
    except Exception as error:
        command = " ".join(["labkit", *(word for word in sys.argv[1:2] if not word.startswith("-"))])
        click.echo(str(as_lab_error(error, command)), err=True)
        sys.exit(1)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="labkit")
@click.option(
    "--workspace",
    "-w",
    type=click.Path(file_okay=False, path_type=Path),
    help="The lab's folder; by default the one that the current folder belongs to.",
)
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    is_eager=True,
    expose_value=False,
    callback=choose_language,
    help="Language of help, texts and errors.  [env: LABKIT_LANG]",
)
@click.pass_context
def cli(context: click.Context, workspace: Path | None) -> None:
    """Run a small, real OpenFaaS on your own machine.

    It is for learning asynchronous functions.
    """
    context.obj = Workspace.find(workspace)


if __name__ == "__main__":
    main()
