"""The text of ``--help``."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

from labkit.openfaas_cli.faas_cli.output import LOGO, blue
from labkit.openfaas_cli.faas_cli.verb import Group, Verb
from labkit.openfaas_cli.pflag import Flag

_MAX_WIDTH = 78
_MIN_WIDTH = 50
_KINDS = {bool: "", int: " int", list: " stringArray", str: " string"}


def help_text(name: str, names: str, verb: Verb | Group) -> str:
    """Return the help of a verb, called as ``name``, with these ``names``."""
    width = max(min(shutil.get_terminal_size().columns - 2, _MAX_WIDTH), _MIN_WIDTH)
    usage = "[command]" if isinstance(verb, Group) else f"{verb.words} [flags]".lstrip()
    blocks = [
        [f"Usage: {name} {usage}"],
        textwrap.wrap(verb.short, width, initial_indent="  ", subsequent_indent="  "),
        ["Options:", *_columns([_flag_row(flag) for flag in verb.flags], width)],
    ]
    if isinstance(verb, Group):
        found = filter(None, (verb.find(each.partition(",")[0]) for each in verb.verbs))
        rows = [(each.partition(",")[0], subverb.short) for each, subverb in found]
        rows = [(each, short) for each, short in sorted(rows) if "(deprecated)" not in short]
        blocks.append(["Commands:", *_columns(rows, width)])
    if "," in names:
        blocks.append(["  Aliases:", f"    {names.partition(', ')[2]}"])
    if verb.examples:
        blocks.append(["  Examples:", *(f"    {example}" for example in verb.examples)])
    logo = "" if names else blue(LOGO) if sys.stdout.isatty() else LOGO
    return logo + "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _flag_row(flag: Flag) -> tuple[str, str]:
    shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    default = f"  [default: {flag.default}]" if flag.default else ""
    return shown + _KINDS[type(flag.default)], flag.about + default


def _columns(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return an indented table of two columns; the second is wrapped."""
    indent = max(len(name) for name, _ in rows) + 4
    lines = []
    for name, about in rows:
        start = f"  {name}".ljust(indent)
        lines += textwrap.wrap(about, width, initial_indent=start, subsequent_indent=" " * indent)
    return lines
