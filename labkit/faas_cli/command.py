"""What a verb is, and how its help looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from labkit.faas_cli.output import say
from labkit.flags import Arguments, Flag

GLOBAL_FLAGS = (
    Flag("yaml", "f", "", "Path to the stack file that describes the functions"),
    Flag("filter", "", "", "Wildcard to match with function names in the stack file"),
    Flag("regex", "", "", "Regular expression to match with function names in the stack file"),
    Flag("help", "h", False, "Help for the command"),
)

GATEWAY = Flag("gateway", "g", "http://127.0.0.1:8080", "Gateway URL starting with http(s)://")
NAMESPACE = Flag("namespace", "n", "", "Namespace of the function")
TLS = Flag("tls-no-verify", "", False, "Disable TLS validation")
TOKEN = Flag("token", "k", "", "JWT token to use instead of basic authentication")
ENVSUBST = Flag("envsubst", "", True, "Substitute environment variables in the stack file")


class Command(NamedTuple):
    """One verb.

    Attributes:
        use: Its usage, without ``faas-cli``.
        short: One line on what it does.
        run: Does it; an error is raised.
        flags: Beside the global ones.
        aliases: Other names.
        examples: Command lines.
        subcommands: By name; then ``run`` shows the help.
    """

    use: str
    short: str
    run: Callable[[Arguments], None] | None = None
    flags: Sequence[Flag] = ()
    aliases: Sequence[str] = ()
    examples: Sequence[str] = ()
    subcommands: Mapping[str, Command] = {}


def say_help(command: Command, path: str) -> None:
    """Print a command's help; ``path`` is its name from ``faas-cli`` on."""
    say(command.short)
    say(f"\nUsage:\n  faas-cli {command.use}")
    if command.aliases:
        say(f"\nAliases:\n  {', '.join([path.rpartition(' ')[2], *command.aliases])}")
    if command.examples:
        say("\nExamples:")
        for example in command.examples:
            say(f"  {example}")
    if command.subcommands:
        say("\nAvailable Commands:")
        for name, subcommand in command.subcommands.items():
            say(f"  {name:<12} {subcommand.short}")
    say_flags("Flags", command.flags)
    say_flags("Global Flags", GLOBAL_FLAGS)
    if command.subcommands:
        say(f'\nUse "{path} [command] --help" for more information about a command.')


def say_flags(title: str, flags: Sequence[Flag]) -> None:
    """Print what flags there are."""
    if not flags:
        return
    kinds = {str: "string", int: "int", list: "stringArray", bool: ""}
    names = [
        f"{f'-{flag.short}, ' if flag.short else '    '}--{flag.name} {kinds[type(flag.default)]}"
        for flag in flags
    ]
    width = max(map(len, names)) + 2
    say(f"\n{title}:")
    for flag, name in zip(flags, names, strict=True):
        default = {str: f' (default "{flag.default}")', bool: " (default true)"}.get(type(flag.default), "")
        say(f"  {name:<{width}}{flag.help}{default if flag.default else ''}")
