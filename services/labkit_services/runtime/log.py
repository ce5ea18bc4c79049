"""A service's log: one line per event, at low cost."""

from __future__ import annotations

import asyncio
import os
import re
import time
import traceback
from typing import Any

from labkit_services.contract.times import rfc3339
from labkit_services.contract.wire_text import printable
from labkit_services.runtime.log_marks import lines_lost

_COLLECTED_CHARACTERS = 256 * 1024
"""How much is collected for one write. A function's lines may be long, and
arrive faster than the loop turns."""

_NEEDS_QUOTES = re.compile(r"""[\s"'\[\]]""")


class LineWriter:
    """Writes lines to a descriptor, with one system call per turn of the loop.

    A system call per line would cost as much as all else in a fast request.
    Outside a running loop every line is written at once. A full disk or a
    closed pipe loses lines, never a request; the next line that can be
    written says how many.

    Attributes:
        lost: Number of lost lines.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._collected = 0
        self._scheduled = False
        self.lost = 0
        self._noted = 0

    def write(self, line: str) -> None:
        """Write one line, given without its line end.

        Whatever it contains it stays one line, and moves no terminal's cursor:
        much of it comes from clients.
        """
        self.copy(printable(line, keep="\t"))

    def copy(self, text: str) -> None:
        """Write text unchanged: a function's own output, or JSON."""
        self._lines.append(text)
        self._collected += len(text)
        if self._collected > _COLLECTED_CHARACTERS:
            self.flush()
        elif not self._scheduled:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                self._scheduled = True
                self._schedule(loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Arrange that ``flush`` is called soon."""
        loop.call_soon(self.flush)

    def _take_notice(self) -> list[str]:
        """Return a line that says how many lines were lost since the last."""
        lost, self._noted = self.lost - self._noted, self.lost
        return [lines_lost(lost)] if lost else []

    def flush(self) -> None:
        """Write the lines gathered so far."""
        self._scheduled = False
        lines, self._lines, self._collected = self._lines, [], 0
        if not lines:
            return
        noted = self._noted
        lines = self._take_notice() + lines
        data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.lost += len(lines) - (noted != self._noted)
            self._noted = noted


class Log:
    """A log on stderr: ``time level service: text key=value …``."""

    def __init__(self, name: str, writer: LineWriter | None = None) -> None:
        self._name = name
        self.writer = writer or LineWriter(2)
        self._second = (0, "")

    def info(self, text: str, **fields: Any) -> None:
        """Log an expected event."""
        self._line("info", text, fields)

    def warning(self, text: str, **fields: Any) -> None:
        """Log an event that may need attention."""
        self._line("warning", text, fields)

    def error(self, text: str, **fields: Any) -> None:
        """Log a failure."""
        self._line("error", text, fields)

    def task_failed(self, name: str, error: BaseException) -> None:
        """Log a failed task: an ``on_failure`` of ``BackgroundTasks``."""
        self.failure(f"background task failed: {name}", error)

    def failure(self, text: str, error: BaseException) -> None:
        """Log an unexpected failure with its traceback."""
        self.error(f"{text}: {error!r}")
        for part in traceback.format_exception(error):
            for line in part.splitlines():
                self.error(line)

    def _line(self, level: str, text: str, fields: dict[str, Any]) -> None:
        extra = "".join([f" {key}={quoted(value)}" for key, value in fields.items()]) if fields else ""
        self.writer.write(f"{self._now()} {level} {self._name}: {text}{extra}")

    def _now(self) -> str:
        now = int(time.time())
        if self._second[0] != now:
            self._second = (now, rfc3339(now * 10**9, timespec="seconds"))
        return self._second[1]


def quoted(value: object) -> str:
    """Return a value as it stands in a log line, between others.

    In quotes if it could be mistaken for the text around it.
    """
    text = str(value)
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
