"""Styles of bars and marks, and a palette for each theme.

No single colour can be text on both themes: 4.5:1 on white needs a relative
luminance of at most 0.183, 4.5:1 on JupyterLab's dark #111111 at least 0.200.
So every plot is drawn once per theme. Contrast is by WCAG 2.2: 4.5:1 for text
(1.4.3), 3:1 for bars and lines (1.4.11). The hues follow the palette of Okabe
and Ito, made for colour-blind readers, with their lightness changed to reach
that contrast; no information depends on colour alone. Colours and shapes come
from the table that the pages use as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Literal

from labkit.views.style_table import COLOURS, MOMENTS, ROW, SPANS, label_of
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.call_record.spans import Kind

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colours for one background."""

    name: ThemeName
    background: str
    text: str
    secondary: str
    grid: str
    waits: str
    queue: str
    lease: str
    works: str
    fails: str
    callback: str
    fault: str


def _theme(name: ThemeName) -> Theme:
    roles = [field.name for field in fields(Theme) if field.name != "name"]
    return Theme(name, **{role: COLOURS[role][name] for role in roles})


LIGHT = _theme("light")
DARK = _theme("dark")
THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}


@dataclass(frozen=True)
class BarStyle:
    """Style of one kind of span, in a row of height 1 that is centred on 0.

    Attributes:
        name: Its name in the table of styles.
        colour: Which of the theme's colours.
        centre: Position in the row; positive is down.
        height: Height of the bar.
        hatch: matplotlib's hatch pattern, or "".
        is_filled: Whether the bar is filled, not only an outline.
        line: The outline's line style, in matplotlib's notation.
    """

    name: str
    colour: str
    centre: float
    height: float
    hatch: str = ""
    is_filled: bool = True
    line: str = "-"

    def label(self, words: ViewWords = ENGLISH) -> str:
        """Return the legend's text."""
        return label_of(self.name, words.language)


class Mark(StrEnum):
    """A moment that is marked in a call's row."""

    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True)
class MarkStyle:
    """Style of a mark; size in points, centre as for bars."""

    marker: str
    size: float
    centre: float

    def label(self, words: ViewWords = ENGLISH) -> str:
        """Return the legend's text."""
        is_end = self.marker == MOMENTS["dead"]["plot"]
        return words.text("plot.failed") if is_end else label_of("answered", words.language)


_CENTRES = {"client": -0.31}
_CENTRE = 0.12  # of every other lane
_HATCHES = {"": "", "/": "/////", "\\": "\\\\\\\\\\", "x": "xxxx", "|": "||||"}
_LINES = {"solid": "-", "dashed": "--", "dotted": ":"}


def _bar(kind: str, style: dict[str, Any]) -> BarStyle:
    return BarStyle(
        kind,
        style["colour"],
        _CENTRES.get(style["lane"], _CENTRE),
        style["height"] / ROW,
        _HATCHES[style["hatch"]],
        # A thin line that is dashed on a page is an outline here.
        is_filled=style["fill"] and style["line"] == "solid",
        line=_LINES[style["line"]],
    )


_KINDS = {"interrupted": Kind.CANCELLED}

# In the order of the legend. Other kinds are not drawn.
BARS: dict[Kind, BarStyle] = {
    _KINDS.get(name) or Kind(name): _bar(name, style) for name, style in SPANS.items()
}
MARKS: dict[Mark, MarkStyle] = {
    Mark.ANSWERED: MarkStyle(MOMENTS["answered"]["plot"], 5.5, _CENTRES["client"]),
    Mark.FAILED: MarkStyle(MOMENTS["dead"]["plot"], 8.0, _CENTRE),
}
