"""Split a stream of bytes into lines of bounded length."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from labkit_services.runtime.log_marks import MAX_CHARACTERS, cut_line

_LEFT_OUT_CHARACTERS = 1024 * 1024


class LineSplitter:
    """Calls ``on_line`` for each line.

    Of a line with more than ``limit`` characters the beginning is passed on,
    with a mark. One that never ends is passed on as several, each when a
    million characters were left out. A line's end is LF or CR LF, as for Go's
    ``bufio.ScanLines``.
    """

    def __init__(self, on_line: Callable[[str], None], *, limit: int = MAX_CHARACTERS) -> None:
        self._on_line = on_line
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        *lines, partial = self._decoder.decode(data).split("\n")
        for line in lines:
            self._add(line)
            self._pass_on()
        self._add(partial)

    def end(self) -> None:
        """Pass on what follows the last line's end, if anything does."""
        self._add(self._decoder.decode(b"", final=True))
        if self._partial:
            self._pass_on()

    def _add(self, part: str) -> None:
        """Add a part of a line."""
        room = self._limit - len(self._partial)
        if len(part) <= room:
            self._partial += part
            return
        self._partial += part[:room]
        self._left_out += len(part) - room
        if self._left_out >= _LEFT_OUT_CHARACTERS:
            self._pass_on()

    def _pass_on(self) -> None:
        line, left_out = self._partial, self._left_out
        self._partial, self._left_out = "", 0
        self._on_line(cut_line(line, left_out) if left_out else line.removesuffix("\r"))
