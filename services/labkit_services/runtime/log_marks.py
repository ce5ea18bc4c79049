"""The marks that a log has in place of what was dropped."""

from __future__ import annotations

import re

MAX_CHARACTERS = 8192
"""Of a line of a function's log."""

_LOST = re.compile(r"\[labkit: ([0-9,]+) lines? lost here\]")


def lines_lost(count: int) -> str:
    """Return the line that a log has in place of lost ones."""
    return f"[labkit: {count:,} {'line' if count == 1 else 'lines'} lost here]"


def older_lines(count: int) -> str:
    """Return the line in place of those before the oldest that is kept."""
    return f"[labkit: {count:,} older {'line is' if count == 1 else 'lines are'} not kept]"


def lines_of(line: str) -> int:
    """Return how many lines a line stands for: as a mark, for those lost."""
    mark = _LOST.fullmatch(line)
    return int(mark[1].replace(",", "")) if mark else 1


def cut_line(beginning: str, rest: int) -> str:
    """Return the beginning of a line, and how much of it is left out."""
    more = "character is" if rest == 1 else "characters are"
    return f"{beginning} [labkit: {rest:,} more {more} not kept]"


def cut_lines(text: str) -> str:
    """Return a text whose lines are no longer than ``MAX_CHARACTERS``."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return "\n".join(
        line if (rest := len(line) - MAX_CHARACTERS) <= 0 else cut_line(line[:MAX_CHARACTERS], rest)
        for line in text.split("\n")
    )
