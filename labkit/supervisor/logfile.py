"""A log file that a process writes to directly, kept bounded from outside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

LIMIT_BYTES = 10 * 1024 * 1024
TAIL_LINES = 8
_TAIL_BYTES = 16 * 1024


class LogFile:
    """One service's log: appended to by the service, bounded by the supervisor.

    The service writes to the file itself, so that no line is lost when the
    supervisor is killed, and no pipe can fill up and block it. Bounding is
    by copy and truncate: the writer appends, so it goes on at the new end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = self._size()

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def open(self) -> BinaryIO:
        """Return the file for a process that is about to start; ``tail`` begins here."""
        self._start = self._size()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "ab", buffering=0)

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Return the last lines of the process that was started last."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - _TAIL_BYTES, min(self._start, end)))
                text = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def clear(self) -> None:
        """Begin anew: what was said of a lab that is no more would only confuse."""
        if self._size():
            os.truncate(self.path, 0)
        self._start = 0

    def bound(self, limit: int = LIMIT_BYTES) -> bool:
        """Move the content to ``NAME.log.1`` if it is over ``limit``; tell whether it was."""
        if self._size() <= limit:
            return False
        shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
        os.truncate(self.path, 0)
        self._start = 0
        return True
