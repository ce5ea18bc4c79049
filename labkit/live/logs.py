"""The logs of services and functions as a live view."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.parts import SHORT_LOGS, ViewParts
from labkit.live.view import LiveView
from labkit.views.log_lines import LogLines


class LogsView(LiveView):
    """The logs, live in a notebook.

    As text and as HTML it is the last lines of the moment at which it was
    made.
    """

    kind: ClassVar[str] = "logs"
    styles: ClassVar[tuple[str, ...]] = ("logs/logs.css",)

    def __init__(self, still: LogLines, parts: ViewParts) -> None:
        self.still = still
        super().__init__(parts, (logs_topic(parts),))

    def __repr__(self) -> str:
        return self.still.text()

    __str__ = __repr__

    def text(self) -> str:
        """Return the last lines of the moment as text."""
        return self.still.text()

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return SHORT_LOGS

    def picture(self) -> dict[str, str]:
        """Return the lines of the moment as HTML."""
        return {"text/html": self.still.html()}


def logs_topic(parts: ViewParts) -> str:
    """Return the feed's topic: that of the logs which the view shows."""
    names = parts.settings["options"]["services"]
    return f"logs:{','.join(names)}" if names else "logs"
