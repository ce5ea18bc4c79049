"""A timeline that shows itself: as text, in a notebook, in a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from labkit.views.svg_picture import SvgPicture
from labkit.views.timeline.layout import Layout, lay_out
from labkit.views.timeline.svg import ThemeName, draw_svg
from labkit.views.timeline.text import draw_text
from labkit.views.words import ViewWords, words_in_use
from labkit_services.call_record.call import Call
from labkit_services.call_record.fault_spans import FaultSpan


@dataclass(frozen=True)
class CallTimeline(SvgPicture):
    """The timeline of some calls.

    Attributes:
        calls: The calls.
        faults: Faults that were injected.
        now_ns: The time up to which it is drawn, in Unix nanoseconds.
    """

    calls: tuple[Call, ...] = field(repr=False)
    faults: tuple[FaultSpan, ...] = field(default=(), repr=False)
    now_ns: int = field(default=0, repr=False)
    most: int = field(default=200, repr=False)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def text(self, width: int = 60, encoding: str = "utf-8") -> str:
        """Return it as text, with an axis of ``width`` characters."""
        return draw_text(self._layout(words_in_use()), width=width, encoding=encoding)

    def svg(self, theme: ThemeName = "light", title: str = "") -> str:
        """Return it as SVG, in the notebook's language."""
        words = words_in_use()
        return draw_svg(self._layout(words), theme=theme, title=title, words=words)

    def _layout(self, words: ViewWords) -> Layout:
        return lay_out(self.calls, self.faults, now_ns=self.now_ns, most=self.most, words=words)
