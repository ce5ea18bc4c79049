"""The logs of services and functions as a live view."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.moment_view import MomentView
from labkit.live.parts import SHORT_LOGS, ViewParts
from labkit.views.log_lines import LogLines


class LogsView(MomentView[LogLines]):
    """The logs, live in a notebook.

    As text and as HTML it is the last lines of the moment at which it was
    made.
    """

    kind: ClassVar[str] = "logs"
    styles: ClassVar[tuple[str, ...]] = ("logs/logs.css",)
    short: ClassVar[str] = SHORT_LOGS

    def __init__(self, still: LogLines, parts: ViewParts) -> None:
        super().__init__(still, parts, (logs_topic(parts),))

    def text(self) -> str:
        """Return the last lines of the moment as text."""
        return self.still.text()

    def picture(self) -> dict[str, str]:
        """Return the lines of the moment as HTML."""
        return {"text/html": self.still.html()}


def logs_topic(parts: ViewParts) -> str:
    """Return the feed's topic: that of the logs which the view shows."""
    names = parts.settings["options"]["services"]
    return f"logs:{','.join(names)}" if names else "logs"
