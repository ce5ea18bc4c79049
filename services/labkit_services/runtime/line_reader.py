"""Read lines from a pipe without a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from labkit_services.runtime.line_splitter import LineSplitter
from labkit_services.runtime.log_marks import MAX_CHARACTERS

_CHUNK_BYTES = 64 * 1024
_LAST_READS = 32
"""How often ``stop`` reads: twice what the largest pipe of Linux holds."""


class LineReader:
    """Calls ``on_line`` for each line, and ``on_end`` once at the end of file.

    ``LineSplitter`` has the rules for lines. The caller closes the descriptor,
    after ``stop``.
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
        self._lines = LineSplitter(on_line, limit=limit)
        self._on_end = on_end
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
        self._lines.feed(data)
        return True

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._descriptor)
            self._lines.end()

    def stop(self) -> None:
        """Read what is in the pipe now, and no more.

        A process that still writes could keep the pipe full for ever.
        """
        for _ in range(_LAST_READS):
            if not (self._open and self._read_once()):
                break
        self._close()
