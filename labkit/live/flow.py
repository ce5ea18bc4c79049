"""The flow of calls as a live view."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from labkit.live.parts import SHORT_FLOW, ViewParts
from labkit.live.view import LiveView
from labkit.views.flow import CallFlow
from labkit.views.timeline.svg import ThemeName


class FlowView(LiveView):
    """The way of the lab's calls, live in a notebook.

    As text, as SVG and in a file it is the flow of the moment at which it was
    made.
    """

    kind: ClassVar[str] = "flow"
    topics: ClassVar[tuple[str, ...]] = ("calls", "queues")
    styles: ClassVar[tuple[str, ...]] = ("timeline/timeline.css", "flow/flow.css")

    def __init__(self, still: CallFlow, parts: ViewParts) -> None:
        self.still = still
        super().__init__(parts)

    def __repr__(self) -> str:
        return self.still.text()

    __str__ = __repr__

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

    def save(self, path: str | os.PathLike[str], theme: ThemeName = "light") -> Path:
        """Write the SVG to a file; return its path."""
        return self.still.save(path, theme)

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return SHORT_FLOW

    def picture(self) -> dict[str, str]:
        """Return a picture of the moment by its MIME type."""
        return {"image/svg+xml": self.still.svg()}
