"""Read lines from a pipe without a thread."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Callable

from labkit_services.runtime.log_marks import MAX_CHARACTERS, cut_line

_CHUNK_BYTES = 64 * 1024
_LEFT_OUT_CHARACTERS = 1024 * 1024
_LAST_READS = 32
"""How often ``stop`` reads: twice what the largest pipe of Linux holds."""


class LineReader:
    """Calls ``on_line`` for each line, and ``on_end`` once at the end of file.

    Of a line with more than ``limit`` characters the beginning is passed on,
    with a mark. One that never ends is passed on as several, each when a
    million characters were left out. A line's end is LF or CR LF, as for Go's
    ``bufio.ScanLines``. The caller closes the descriptor, after ``stop``.
    """

    def __init__(
        self,
        descriptor: int,
        on_line: Callable[[str], None],
        on_end: Callable[[], None] | None = None,
        *,
        limit: int = MAX_CHARACTERS,
    ) -> None:
        self._descriptor = descriptor
        self._on_line = on_line
        self._on_end = on_end
        self._limit = limit
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._partial = ""
        self._left_out = 0
        self._open = True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._on_readable)

    def _on_readable(self) -> None:
        if not self._read_once() and not self._open and self._on_end is not None:
            self._on_end()

    def _read_once(self) -> bool:
        """Read what is available; return whether there may be more."""
        try:
            data = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # a broken pipe counts as ended
        if not data:
            self._close()
            return False
        *lines, partial = self._decoder.decode(data).split("\n")
        for line in lines:
            self._add(line)
            self._pass_on()
        self._add(partial)
        return True

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

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._descriptor)
            self._add(self._decoder.decode(b"", final=True))
            if self._partial:
                self._pass_on()

    def stop(self) -> None:
        """Read what is in the pipe now, and no more.

        A process that still writes could keep the pipe full for ever.
        """
        for _ in range(_LAST_READS):
            if not (self._open and self._read_once()):
                break
        self._close()
