"""Styles of bars and marks, and a palette for each theme.

No single colour can be text on both themes: 4.5:1 on white needs a relative
luminance of at most 0.183, 4.5:1 on JupyterLab's dark #111111 at least 0.200.
So every plot is drawn once per theme. Contrast is by WCAG 2.2: 4.5:1 for text
(1.4.3), 3:1 for bars and lines (1.4.11). The hues are from the palette of
Okabe and Ito, made for colour-blind readers, with their lightness changed to
reach that contrast; no information depends on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from labkit_services.call_record.spans import Kind

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colours for one background."""

    name: ThemeName
    background: str
    text: str
    grid: str
    waits: str
    queue: str
    works: str
    fails: str
    callback: str


_PALETTE = {  # Each colour on a light page, and on a dark one.
    "background": ("#ffffff", "#111111"),
    "text": ("#1f1f1f", "#e4e4e4"),
    "grid": ("#dcdcdc", "#3a3a3a"),
    "waits": ("#b26a00", "#e69f00"),
    "queue": ("#7a7a7a", "#9c9c9c"),
    "works": ("#0072b2", "#56b4e9"),
    "fails": ("#b5367a", "#e08bb8"),
    "callback": ("#00785a", "#2fc39a"),
}
LIGHT = Theme(name="light", **{role: light for role, (light, _) in _PALETTE.items()})
DARK = Theme(name="dark", **{role: dark for role, (_, dark) in _PALETTE.items()})
THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}


@dataclass(frozen=True)
class BarStyle:
    """Style of one kind of span, in a row of height 1 that is centred on 0.

    Attributes:
        label: The legend's text.
        colour: Which of the theme's colours.
        centre: Position in the row; positive is down.
        height: Height of the bar.
        hatch: matplotlib's hatch pattern, or "".
        is_filled: Whether the bar is filled, not only an outline.
        line: The outline's line style, in matplotlib's notation.
    """

    label: str
    colour: Literal["waits", "queue", "works", "fails", "callback"]
    centre: float
    height: float
    hatch: str = ""
    is_filled: bool = True
    line: str = "-"


class Mark(StrEnum):
    """A moment that is marked in a call's row."""

    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True)
class MarkStyle:
    """Style of a mark; size in points, centre as for bars."""

    label: str
    marker: str
    size: float
    centre: float


_CLIENT = -0.31
_FUNCTION = 0.12

# In the order of the legend. Other kinds are not drawn.
BARS: dict[Kind, BarStyle] = {
    Kind.WAITS: BarStyle("the caller waits", "waits", _CLIENT, 0.22, "/////", is_filled=False),
    Kind.QUEUED: BarStyle("in the queue", "queue", _FUNCTION, 0.12),
    Kind.BACKOFF: BarStyle("in the queue for a retry", "queue", _FUNCTION, 0.12, is_filled=False, line=":"),
    Kind.LEASE: BarStyle("waits for the broker", "queue", _FUNCTION, 0.12, "....", is_filled=False),
    Kind.WORKS: BarStyle("the function works", "works", _FUNCTION, 0.52),
    Kind.FAILS: BarStyle("the function fails", "fails", _FUNCTION, 0.4, "xxxx", is_filled=False),
    Kind.LOST: BarStyle("an attempt that was lost", "fails", _FUNCTION, 0.4, is_filled=False, line="--"),
    Kind.CANCELLED: BarStyle("interrupted by a cancel", "fails", _FUNCTION, 0.4, "////", is_filled=False),
    Kind.CALLS_BACK: BarStyle("the callback", "callback", _FUNCTION, 0.28),
    Kind.CALLBACK_FAILS: BarStyle("the callback fails", "callback", _FUNCTION, 0.28, "xxxx", is_filled=False),
}
MARKS: dict[Mark, MarkStyle] = {
    Mark.ANSWERED: MarkStyle("the caller has its answer", "D", 5.5, _CLIENT),
    Mark.FAILED: MarkStyle("failed or cancelled", "X", 8.0, _FUNCTION),
}
