"""What a verb is, and the flags that many have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from labkit.openfaas_cli.pflag import Arguments, Flag, PflagCommand, UsageError

GLOBAL_FLAGS = (
    Flag("yaml", "f", "", "Path to the stack file that describes the functions"),
    Flag("filter", "", "", "Wildcard to match with function names in the stack file"),
    Flag("regex", "", "", "Regular expression to match with function names in the stack file"),
)

GATEWAY = Flag("gateway", "g", "http://127.0.0.1:8080", "Gateway URL starting with http(s)://")
NAMESPACE = Flag("namespace", "n", "", "Namespace of the function")
TLS = Flag("tls-no-verify", "", False, "Disable TLS validation")
TOKEN = Flag("token", "k", "", "JWT token to use instead of basic authentication")
GATEWAY_FLAGS = (GATEWAY, TLS, TOKEN)
"""Of the verbs that ask the gateway's ``/system`` routes."""

ENVSUBST = Flag("envsubst", "", True, "Substitute environment variables in the stack file")

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(PflagCommand):
    """One verb.

    Args:
        short: One line on what it does.
        run: Does it; an error is raised.
        words: What it takes beside flags, for the help.
        flags: Beside the global ones.
        aliases: Its other names.
        examples: Command lines.
    """

    def __init__(
        self,
        short: str,
        run: Callable[[Arguments], None],
        words: str = "",
        flags: Sequence[Flag] = (),
        aliases: Sequence[str] = (),
        examples: Sequence[str] = (),
    ) -> None:
        super().__init__(
            None,
            context_settings=_SETTINGS,
            epilog=_section("Aliases", [", ".join(aliases)] if aliases else [])
            + _section("Examples", examples),
            help=short,
            options_metavar=f"{words} [flags]".lstrip(),
            params=[*flags, *GLOBAL_FLAGS],
            short_help=short,
        )
        self.aliases = aliases
        self._run = run

    def invoke(self, ctx: click.Context) -> None:
        """Do what the verb does: it asks the context for its flags, of which most have many."""
        assert isinstance(ctx, Arguments)
        self._run(ctx)


class Group(PflagCommand, click.Group):
    """A verb that has verbs of its own; alone it shows its help."""

    def __init__(
        self,
        short: str,
        subcommands: Mapping[str, click.Command],
        flags: Sequence[Flag] = (),
        examples: Sequence[str] = (),
    ) -> None:
        super().__init__(
            None,
            callback=_begin,
            commands=dict(subcommands),
            context_settings=_SETTINGS,
            epilog=_section("Examples", examples),
            help=short,
            invoke_without_command=True,
            options_metavar="",
            params=list(flags),
            short_help=short,
            subcommand_metavar="[command]",
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb of that name or alias."""
        for name, command in self.commands.items():
            if cmd_name == name or (isinstance(command, Command) and cmd_name in command.aliases):
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that ``args`` begin with, and what follows it.

        Raises:
            UsageError: There is none.
        """
        if self.get_command(ctx, args[0]) is None:
            raise UsageError(f'unknown command "{args[0]}" for "{ctx.command_path.strip()}"')
        return super().resolve_command(ctx, args)


@click.pass_context
def _begin(context: click.Context, /, **flags: Any) -> None:
    """Show the help if no verb follows; else let the verb have the flags that came before it."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    else:
        context.default_map = {context.invoked_subcommand: flags}


def _section(title: str, lines: Sequence[str]) -> str:
    r"""Return a paragraph of the help; ``\b`` has click leave its lines as they are."""
    return "\n".join(["\b", f"{title}:", *(f"  {line}" for line in lines), "", ""]) if lines else ""
