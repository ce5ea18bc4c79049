"""A bin as a live view: what arrives, and what it answers."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.parts import ViewParts
from labkit.live.view import LiveView


class LiveBinView(LiveView):
    """The newest requests of a bin, live in a notebook."""

    kind: ClassVar[str] = "bin"
    styles: ClassVar[tuple[str, ...]] = ("bin/bin.css",)

    def __init__(self, parts: ViewParts) -> None:
        super().__init__(parts, (f"bin:{parts.settings['options']['bin']}",))
