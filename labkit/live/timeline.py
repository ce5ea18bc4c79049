"""The timeline of calls as a live view."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.moment_view import DrawnView
from labkit.live.parts import SHORT_TIMELINE
from labkit.views.timeline.picture import CallTimeline
from labkit.views.timeline.svg import ThemeName
from labkit_services.call_record.call import Call
from labkit_services.call_record.fault_spans import FaultSpan


class TimelineView(DrawnView[CallTimeline]):
    """The timeline of the latest calls, live in a notebook.

    As text, as SVG and in a file it is the timeline of the moment at which it
    was made.
    """

    kind: ClassVar[str] = "timeline"
    topics: ClassVar[tuple[str, ...]] = ("calls",)
    styles: ClassVar[tuple[str, ...]] = ("timeline/timeline.css",)
    short: ClassVar[str] = SHORT_TIMELINE

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of the moment."""
        return self.still.calls

    @property
    def faults(self) -> tuple[FaultSpan, ...]:
        """The injected faults of the moment."""
        return self.still.faults

    @property
    def now_ns(self) -> int:
        """The moment, in Unix nanoseconds."""
        return self.still.now_ns

    def text(self, width: int = 60, encoding: str = "utf-8") -> str:
        """Return it as text, with an axis of ``width`` characters."""
        return self.still.text(width, encoding)

    def svg(self, theme: ThemeName = "light", title: str = "") -> str:
        """Return it as SVG."""
        return self.still.svg(theme, title)
