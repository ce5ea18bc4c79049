"""The error for a command that does not exist, with similar names.

It has the words of cobra, which real faas-cli uses.
"""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli.verb import HIDDEN, Group
from labkit.openfaas_cli.pflag import UsageError, quoted

_MAX_DISTANCE = 2


def unknown_command(name: str, group: Group) -> UsageError:
    """Return the error for a command's name that faas-cli does not know."""
    names = sorted(names.partition(",")[0] for names in group.verbs)
    similar = [each for each in names if _is_similar(name, each) and each not in HIDDEN]
    hint = "".join(["\n\nDid you mean this?\n", *(f"\t{each}\n" for each in similar)]) if similar else ""
    return UsageError(f'unknown command {quoted(name)} for "faas-cli"{hint}')


def _is_similar(typed: str, name: str) -> bool:
    typed, name = typed.lower(), name.lower()
    return name.startswith(typed) or edit_distance(typed, name) <= _MAX_DISTANCE


def edit_distance(text: str, other: str) -> int:
    """Return how many letters to add, remove or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for count, letter in enumerate(text, 1):
        previous, row = row, [count]
        for place, other_letter in enumerate(other):
            replaced = previous[place] + (letter != other_letter)
            row.append(min(replaced, previous[place + 1] + 1, row[-1] + 1))
    return row[-1]
