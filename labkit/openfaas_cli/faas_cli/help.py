"""The text of ``--help``, laid out as cobra, the real one's library, does."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.openfaas_cli.faas_cli.verb import GLOBAL_FLAGS, HELP, HELP_ABOUT, HIDDEN, Group, Verb
from labkit.openfaas_cli.pflag import Flag, quoted

_KINDS = {bool: "", int: " int", list: " stringArray", str: " string"}
_MIN_NAME_WIDTH = 11

HELP_VERB = ("help", HELP_ABOUT)
"""Name and description of a verb that is not in the table of verbs."""


def help_text(path: Sequence[str], verb: Verb | Group) -> str:
    """Return the help of a verb.

    ``path`` has the names on the way to it, each with its aliases after a
    comma: ``["faas-cli", "secret", "list, ls"]``.
    """
    start = "\n" if len(path) == 1 else ""
    return f"{start}{verb.short}\n\n{usage_text(path, verb, [help_flag(path)])}"


def usage_text(path: Sequence[str], verb: Verb | Group, more: Sequence[Flag] = ()) -> str:
    """Return the help without the description; ``more`` are flags to list."""
    command = " ".join(names.partition(",")[0] for names in path)
    is_root = len(path) == 1
    blocks = ["\n  ".join(["Usage:", *_usage(command, verb, is_root)])]
    if "," in path[-1]:
        blocks.append(f"Aliases:\n  {path[-1]}")
    if verb.examples:
        blocks.append("\n  ".join(["Examples:", *verb.examples]))
    if isinstance(verb, Group):
        blocks.append("\n".join(["Available Commands:", *_commands(verb, is_root)]))
    shared = () if is_root else GLOBAL_FLAGS
    own = [flag for flag in verb.flags if flag not in shared and flag is not HELP]
    blocks.append("\n".join(["Flags:", *_flags([*own, *more])]))
    if shared:
        blocks.append("\n".join(["Global Flags:", *_flags(shared)]))
    if isinstance(verb, Group):
        blocks.append(f'Use "{command} [command] --help" for more information about a command.')
    return "\n\n".join(blocks) + "\n"


def help_flag(path: Sequence[str]) -> Flag:
    """Return ``--help`` of the verb at the end of a path."""
    return Flag("help", "h", False, f"help for {path[-1].partition(',')[0]}")


def subverbs(group: Group) -> list[tuple[str, str]]:
    """Return names and descriptions of a group's verbs that are not hidden."""
    names = sorted(names.partition(",")[0] for names in group.verbs)
    found = [(name, group.find(name)) for name in names if name not in HIDDEN]
    return [(name, entry[1].short) for name, entry in found if entry]


def _usage(command: str, verb: Verb | Group, is_root: bool) -> list[str]:
    if isinstance(verb, Group):
        return [*([f"{command} [flags]"] if is_root else []), f"{command} [command]"]
    return [f"{command} {verb.words} [flags]".replace("  ", " ")]


def _commands(group: Group, is_root: bool) -> list[str]:
    rows = sorted([*subverbs(group), *([HELP_VERB] if is_root else [])])
    names = [names.partition(",")[0] for names in group.verbs]
    width = max(_MIN_NAME_WIDTH, *map(len, names))
    return [f"  {name:<{width}} {short}" for name, short in rows]


def _flags(flags: Sequence[Flag]) -> list[str]:
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        short = f"-{flag.short}, " if flag.short else "    "
        rows.append((f"  {short}--{flag.name}{_KINDS[type(flag.default)]}", flag.about + _default(flag)))
    width = max(len(shown) for shown, _ in rows)
    return [f"{shown:<{width}}   {about}" for shown, about in rows]


def _default(flag: Flag) -> str:
    if not flag.default:
        return ""
    value = quoted(flag.default) if isinstance(flag.default, str) else str(flag.default).lower()
    return f" (default {value})"
