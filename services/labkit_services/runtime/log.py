"""One line for each thing that happened, at little cost."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any


class LineWriter:
    """Writes lines to a descriptor, one system call for all lines of a loop turn.

    A write per line costs as much as the rest of a fast request. Outside a
    running loop every line is written at once. A full disk or a reader that
    has gone away loses lines, never a request: they are counted in ``lost``.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._scheduled = False
        self.lost = 0

    def write(self, line: str) -> None:
        """Write ``line``, which has no line end yet."""
        self._lines.append(line)
        if not self._scheduled:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                self._scheduled = True
                self._schedule(loop)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have ``flush`` called soon."""
        loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what has gathered."""
        self._scheduled = False
        lines, self._lines = self._lines, []
        if not lines:
            return
        data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.lost += len(lines)


class Log:
    """A service's own log: ``time level service: text key=value …`` on stderr."""

    def __init__(self, name: str, writer: LineWriter | None = None) -> None:
        self._name = name
        self.writer = writer or LineWriter(2)
        self._second = (0, "")

    def info(self, text: str, **fields: Any) -> None:
        """Note something expected."""
        self._line("info", text, fields)

    def warning(self, text: str, **fields: Any) -> None:
        """Note something that someone may want to look at."""
        self._line("warning", text, fields)

    def error(self, text: str, **fields: Any) -> None:
        """Note something that went wrong."""
        self._line("error", text, fields)

    def task_failed(self, name: str, error: BaseException) -> None:
        """Log that a background task failed: the ``on_failure`` of ``BackgroundTasks``."""
        self.error("background task failed", task=name, error=repr(error))

    def _line(self, level: str, text: str, fields: dict[str, Any]) -> None:
        extra = "".join(f" {key}={_quote(value)}" for key, value in fields.items())
        self.writer.write(f"{self._now()} {level} {self._name}: {text}{extra}".replace("\n", "\\n"))

    def _now(self) -> str:
        now = int(time.time())
        if self._second[0] != now:
            self._second = (now, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))
        return self._second[1]


def _quote(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if not text or " " in text or '"' in text else text
