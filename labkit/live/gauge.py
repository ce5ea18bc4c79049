"""The figures of the queues as a live view."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.moment_view import MomentView
from labkit.live.parts import SHORT_GAUGE
from labkit.views.queue_status import QueueFigures
from labkit.views.tables import html_table


class GaugeView(MomentView[QueueFigures]):
    """Depth, in flight and pace of the lab's queues, live in a notebook.

    As text and as HTML it is the table of the moment at which it was made.
    """

    kind: ClassVar[str] = "gauge"
    topics: ClassVar[tuple[str, ...]] = ("calls", "queues")
    styles: ClassVar[tuple[str, ...]] = ("timeline/timeline.css", "gauge/gauge.css")
    short: ClassVar[str] = SHORT_GAUGE

    def picture(self) -> dict[str, str]:
        """Return a picture of the moment by its MIME type."""
        return {"text/html": html_table(self.still.rows())}
