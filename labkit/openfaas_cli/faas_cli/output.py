"""What the verbs print."""

from __future__ import annotations

import os
import stat
import sys

from labkit_services.contract.errors import LabError

LOGO = r"""  ___                   _____           ____
 / _ \ _ __   ___ _ __ |  ___|_ _  __ _/ ___|
| | | | '_ \ / _ \ '_ \| |_ / _` |/ _` \___ \
| |_| | |_) |  __/ | | |  _| (_| | (_| |___) |
 \___/| .__/ \___|_| |_|_|  \__,_|\__,_|____/
      |_|

"""


class InputError(LabError):
    """Standard input cannot be read."""


def echo(line: str = "") -> None:
    """Print one line on standard output."""
    sys.stdout.write(line + "\n")


def warn(line: str) -> None:
    """Print one line on standard error, apart from a function's response."""
    sys.stderr.write(line + "\n")


def read_input() -> bytes:
    """Return all of standard input; in a terminal, print how to end it.

    Like the real one, this takes any character device for a terminal,
    ``/dev/null`` too.
    """
    if stat.S_ISCHR(os.fstat(0).st_mode):
        warn("Reading from STDIN - hit (Control + D) to stop.")
    return read_quietly()


def read_quietly() -> bytes:
    """Return all of standard input."""
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"unable to read standard input: read /dev/stdin: {reason}") from error


def yellow(text: str) -> str:
    """Return ``text`` in yellow, the colour of faas-cli's build steps."""
    return f"\x1b[33m{text}\x1b[0m"


def red(text: str) -> str:
    """Return ``text`` in red, the colour of a failed build."""
    return f"\x1b[31m{text}\x1b[0m"


def blue(text: str) -> str:
    """Return ``text`` in blue, the colour of faas-cli's logo."""
    return f"\x1b[34m{text}\x1b[0m"


def echo_logo() -> None:
    """Print the logo, in blue on a terminal."""
    sys.stdout.write(blue(LOGO) if sys.stdout.isatty() else LOGO)


def echo_table(lines: list[str]) -> None:
    """Print lines of tab-separated cells in columns."""
    for line in align(lines):
        echo(line)


def align(lines: list[str]) -> list[str]:
    """Line up tab-separated cells like Go's ``tabwriter``.

    A column extends over adjacent lines that have it; the last cell of a line
    belongs to no column. Empty cells at the start of a line take no room.
    """
    rows = [line.split("\t") for line in lines]
    shown = [list(row) for row in rows]
    for column in range(max(map(len, rows), default=1) - 1):
        block: list[int] = []
        for index in range(len(rows) + 1):
            if index < len(rows) and len(rows[index]) > column + 1:
                block.append(index)
                continue
            width = max((len(rows[member][column]) for member in block), default=0) + 1
            for member in block:
                if any(rows[member][: column + 1]):
                    shown[member][column] = rows[member][column].ljust(width)
            block = []
    return ["".join(row) for row in shown]
