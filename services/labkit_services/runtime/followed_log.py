"""Follow a log file: its last lines, then what is added to it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from labkit_services.files.own_file import read_own
from labkit_services.runtime.log_lines import LogReader, with_times
from labkit_services.runtime.log_marks import MAX_CHARACTERS, cut_line
from labkit_services.runtime.log_tail import last_lines

_CHUNK_BYTES = 256 * 1024
"""Most bytes that are parsed at a time; of more, the newest."""
_CHUNKS = 64
"""Chunks that one call reads at most; the next call continues."""
_CONTEXT_LINES = 500
"""Older lines that are parsed as well: they name the calls of later ones."""


class FollowedLog:
    """A service's log file, and how far it was read.

    A file that was truncated, or replaced by another, is read from its
    beginning.

    Attributes:
        dropped: Number of lines that were left out, because more came at a
            time than is parsed.
    """

    def __init__(self, path: Path) -> None:
        self.dropped = 0
        self._path = path
        self._reader = LogReader(path.stem)
        self._inode = 0
        self._position = 0
        self._is_cut = False  # the rest of a long line is still to come

    def tail(self, count: int) -> list[dict[str, Any]]:
        """Return the last lines, and continue after them.

        A line is as ``LogReader`` gives it. A missing file has none.
        """
        try:
            with read_own(self._path) as file:
                lines = last_lines(file, count + _CONTEXT_LINES)
                found = os.fstat(file.fileno())
                self._position = file.tell()
        except OSError:
            return []
        self._inode, self._is_cut = found.st_ino, False
        parsed = with_times(list(self._reader.read(map(_cut, lines))), found.st_mtime_ns)
        return parsed[max(0, len(parsed) - count) :]

    def more(self, most: int | None = None) -> list[dict[str, Any]]:
        """Return the complete lines that were added; the newest ``most``.

        Of a line without an end, the beginning is returned as soon as it is
        as long as a chunk; the rest is dropped.
        """
        try:
            found = os.stat(self._path)
            if found.st_ino != self._inode or found.st_size < self._position:
                self._inode, self._position, self._is_cut = found.st_ino, 0, False
            if found.st_size == self._position:
                return []
            with read_own(self._path) as file:
                file.seek(self._position)
                self._skip(file, found.st_size)
                data = file.read(_CHUNK_BYTES)
        except OSError:
            return []
        taken = self._take(data)
        if most is not None and len(taken) > most:
            self.dropped += len(taken) - most
            taken = taken[len(taken) - most :]
        lines = [line.decode("utf-8", "replace") for line in taken]
        return with_times(list(self._reader.read(map(_cut, lines))), time.time_ns())

    def _skip(self, file: Any, size: int) -> None:
        """Count the lines of all chunks but the last."""
        for _ in range(_CHUNKS):
            if size - self._position <= _CHUNK_BYTES:
                return
            data = file.read(_CHUNK_BYTES)
            ends = data.count(b"\n")
            # The rest of a line whose beginning was returned is no line.
            self.dropped += ends - (self._is_cut and ends > 0)
            if ends:
                self._is_cut = False
            if not data.endswith(b"\n") and not self._is_cut:
                self.dropped += 1
                self._is_cut = True
            self._position += len(data)

    def _take(self, data: bytes) -> list[bytes]:
        """Return the lines in what was read last, and move past them."""
        if self._is_cut:
            rest = data.find(b"\n") + 1
            self._position += rest or len(data)
            if not rest:
                return []
            data, self._is_cut = data[rest:], False
        end = data.rfind(b"\n") + 1
        lines = data[:end].split(b"\n")[:-1]
        if len(data) == _CHUNK_BYTES and not end:
            lines, end, self._is_cut = [data], len(data), True
        self._position += end
        return lines


def _cut(line: str) -> str:
    rest = len(line) - MAX_CHARACTERS
    return line if rest <= 0 else cut_line(line[:MAX_CHARACTERS], rest)
