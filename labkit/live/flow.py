"""The flow of calls as a live view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labkit.live.moment_view import DrawnView
from labkit.live.parts import SHORT_FLOW
from labkit.views.flow import CallFlow
from labkit.views.timeline.svg import ThemeName


class FlowView(DrawnView[CallFlow]):
    """The way of the lab's calls, live in a notebook.

    As text, as SVG and in a file it is the flow of the moment at which it was
    made.
    """

    kind: ClassVar[str] = "flow"
    topics: ClassVar[tuple[str, ...]] = ("calls", "queues")
    styles: ClassVar[tuple[str, ...]] = ("timeline/timeline.css", "flow/flow.css")
    short: ClassVar[str] = SHORT_FLOW

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of calls in each group at the moment."""
        return self.still.counts

    def text(self) -> str:
        """Return it as a table."""
        return self.still.text()

    def svg(self, theme: ThemeName = "light") -> str:
        """Return it as SVG."""
        return self.still.svg(theme)
