"""Read the last lines of a log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from labkit_services.files.own_file import read_own

_BLOCK = 64 * 1024


def last_lines(file: IO[bytes], count: int, *, start: int = 0) -> list[str]:
    """Return the last ``count`` lines of what a file holds from ``start`` on.

    Only as much of the file is read as those lines need; its position is at
    the end afterwards.
    """
    position = end = file.seek(0, os.SEEK_END)
    data = b""
    while count > 0 and position > start and data.count(b"\n") <= count:
        step = min(_BLOCK, position - start)
        position -= step
        file.seek(position)
        data = file.read(step) + data
    file.seek(end)
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n") if data else []
    return lines[max(0, len(lines) - count) :]


def tail(path: Path, count: int = 8) -> list[str]:
    """Return the last lines of a log; none if it can't be read."""
    try:
        with read_own(path) as file:
            return last_lines(file, count)
    except OSError:
        return []
