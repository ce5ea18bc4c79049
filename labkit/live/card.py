"""The lab itself as a live view: its services, its addresses, its page."""

from __future__ import annotations

from typing import ClassVar

from labkit.live.parts import ViewParts
from labkit.live.view import LiveView


class CardView(LiveView):
    """What a lab shows as the last line of a cell."""

    kind: ClassVar[str] = "card"
    topics: ClassVar[tuple[str, ...]] = ("services",)
    styles: ClassVar[tuple[str, ...]] = ("notebook/card.css",)

    def __init__(self, parts: ViewParts, text: str, page: str) -> None:
        """Show ``text`` or the HTML of ``page`` where there are no widgets."""
        self._text = text
        self._page = page
        super().__init__(parts)

    def short_text(self) -> str:
        """Return what stands for it where no widget can be shown."""
        return self._text

    def picture(self) -> dict[str, str]:
        """Return what stands for it on GitHub, by its MIME type."""
        return {"text/html": self._page}
