"""Live views that are also a still view: that of the moment they were made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from labkit.live.parts import ViewParts
from labkit.live.view import LiveView
from labkit.views.svg_picture import SvgPicture
from labkit.views.timeline.svg import ThemeName

S = TypeVar("S")
D = TypeVar("D", bound=SvgPicture)


class MomentView(LiveView, Generic[S]):
    """A live view whose text is that of its still view.

    A subclass sets ``short``, which stands for it where no widget can be
    shown.
    """

    short: ClassVar[str] = ""

    def __init__(self, still: S, parts: ViewParts, topics: Iterable[str] = ()) -> None:
        """Make a view; ``topics`` are more than those of its class."""
        self.still = still
        super().__init__(parts, topics)

    def __repr__(self) -> str:
        return str(self.still)

    __str__ = __repr__

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return self.short


class DrawnView(MomentView[D]):
    """A live view whose picture is that of its still view."""

    def save(self, path: str | os.PathLike[str], theme: ThemeName = "light") -> Path:
        """Write the SVG to a file; return its path."""
        return self.still.save(path, theme)

    def picture(self) -> dict[str, str]:
        """Return a picture of the moment by its MIME type."""
        return {"image/svg+xml": self.still.svg()}
