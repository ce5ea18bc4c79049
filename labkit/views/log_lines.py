"""The last lines of the lab's logs, merged: as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.language import translated
from labkit_services.contract.wire_text import printable

NO_LINES = "no log lines yet"


@dataclass(frozen=True)
class LogLines:
    """Lines of several logs by time, oldest first.

    Attributes:
        lines: As the inspector's API gives them: ``service``, ``time``,
            ``level``, ``text``, ``call_id``.
    """

    lines: tuple[Mapping[str, Any], ...]

    def __repr__(self) -> str:
        return self.text()

    __str__ = __repr__

    def text(self) -> str:
        """Return one line of text for each; nothing moves the cursor."""
        width = max((len(line["service"]) for line in self.lines), default=0)
        return "\n".join(_row(line, width) for line in self.lines) or translated(NO_LINES)

    def html(self) -> str:
        """Return it as HTML; what the lines contain is escaped."""
        return f"<pre>{html.escape(self.text())}</pre>"


def _row(line: Mapping[str, Any], width: int) -> str:
    level = f"{line['level']}: " if line["level"] not in ("info", "debug") else ""
    time = str(line["time"])[11:19]
    return printable(f"{time} {line['service']:<{width}}  {level}{line['text']}", keep="\t")
