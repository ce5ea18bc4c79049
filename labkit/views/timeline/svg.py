"""A timeline as one self-contained SVG, for a notebook's output or a file."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Literal

from labkit.views.formatting import text_width
from labkit.views.style_table import COLOURS, MOMENTS, SPANS, STATES, label_of, state_label
from labkit.views.timeline.axis import tick_text, ticks
from labkit.views.timeline.layout import Band, Bar, Layout, MarkedMoment, Row
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.contract.wire_text import printable

ThemeName = Literal["light", "dark"]

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 860.0, 170.0, 20.0, 34.0, 22.0
_DASHES = {"solid": "", "dashed": "5 3", "dotted": "1.5 2.5"}
_LONGEST_NAME = 22
_LETTER = 6.4  # mean width of a letter
_COLUMNS = 3
_HATCHES = {
    "x": ("cross", "M-1 1L1-1M0 6L6 0M5 7L7 5M-1 5L1 7M0 0L6 6M5-1L7 1"),
    "/": ("slants", "M-1 1L1-1M0 6L6 0M5 7L7 5"),
    "\\": ("back-slants", "M-1 5L1 7M0 0L6 6M5-1L7 1"),
    "|": ("lines", "M3 0V6"),
}
"""Name and path of each hatch, in a square of 6 pixels."""


def draw_svg(
    layout: Layout, *, theme: ThemeName = "light", title: str = "", words: ViewWords = ENGLISH
) -> str:
    """Return the timeline as SVG; it names itself to screen readers."""
    seconds = f"{layout.seconds:.3g} s"
    own = words.text("timeline.title", n=len(layout.rows), time=seconds)
    return _Drawing(layout, theme, words).draw(title or own)


class _Drawing:
    """Draws one layout in one theme and one language."""

    def __init__(self, layout: Layout, theme: ThemeName, words: ViewWords) -> None:
        self._layout = layout
        self._theme = theme
        self._words = words
        self._bottom = _TOP + _ROW * max(1, len(layout.rows))

    def draw(self, title: str) -> str:
        labels = list(self._band_labels())
        kinds = self._kinds()
        legend = list(self._legend(kinds))
        height = self._bottom + 30 + 20 * (1 + (len(kinds) - 1) // _COLUMNS)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
            f'font-family="system-ui,sans-serif" font-size="12" style="max-width:{_WIDTH:g}px">',
            f"<title>{_text(title)}</title><desc>{_text(self._description())}</desc>",
            f"<defs>{''.join(self._hatches())}</defs>",
            f'<rect width="100%" height="100%" fill="{self._colour("background")}"/>',
            *self._axis(),
            *(self._band(band) for band in self._layout.bands),
            *labels,
            *(part for index, row in enumerate(self._layout.rows) for part in self._row(index, row)),
            *legend,
        ]
        if not self._layout.rows:
            parts.append(self._label(_LEFT, _TOP + 15, self._words.text("timeline.no-calls"), "secondary"))
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _description(self) -> str:
        rows = [
            self._words.text("timeline.row", call=row.label, state=self._state(row))
            for row in self._layout.rows[:50]
        ]
        faults = map(self._fault, self._layout.bands[:50])
        return self._words.text("join.notes").join([*rows, *faults])

    # -- parts

    def _axis(self) -> Iterator[str]:
        marked = ticks(self._layout.seconds)
        step = marked[1] if len(marked) > 1 else max(self._layout.seconds, 0.001)
        for mark in marked:
            x = self._x(mark)
            yield (
                f'<path d="M{x:.1f} {_TOP - 6:g}V{self._bottom:g}" stroke="{self._colour("grid")}"/>'
                f'<text x="{x:.1f}" y="{self._bottom + 16:g}" text-anchor="middle" font-size="11" '
                f'fill="{self._colour("secondary")}">{tick_text(mark, step)}</text>'
            )

    def _band(self, band: Band) -> str:
        start, end = self._x(max(0.0, band.start)), self._x(min(self._layout.seconds, band.end))
        colour = self._colour("fault")
        return (
            f'<rect x="{start:.1f}" y="{_TOP - 6:g}" width="{max(2.0, end - start):.1f}" '
            f'height="{self._bottom - _TOP + 6:g}" fill="{colour}" opacity="0.18">'
            f"<title>{_text(self._fault(band))}</title></rect>"
            f'<path d="M{start:.1f} {_TOP - 6:g}V{self._bottom:g}" stroke="{colour}" '
            'stroke-dasharray="6 2 1 2"/>'
        )

    def _band_labels(self) -> Iterator[str]:
        """Yield the labels that have room in their line, from the left."""
        free = 0.0
        for band in sorted(self._layout.bands, key=lambda band: band.start):
            text = self._fault(band)
            width = text_width(text) * _LETTER
            start = min(self._x(max(0.0, band.start)), _WIDTH - width)
            if start >= free:
                free = start + width + _LETTER
                yield self._label(start, _TOP - 12, text, "secondary")

    def _row(self, index: int, row: Row) -> Iterator[str]:
        middle = _TOP + _ROW * index + _ROW / 2
        state = STATES[row.call.state.value]
        yield self._label(8, middle + 4, row.label, "text")
        yield self._shape(state, _LEFT - 16, middle, self._state(row))
        for bar in row.bars:
            yield self._bar(bar, middle)
        for moment in row.moments:
            yield self._moment(moment, middle)

    def _bar(self, bar: Bar, middle: float) -> str:
        style = SPANS[bar.kind]
        start, height = self._x(bar.start), float(style["height"])
        width = max(1.5, self._x(bar.end) - start)
        colour = self._colour(style["colour"])
        seconds = f"{bar.end - bar.start:.3f} s"
        name = f"<title>{_text(self._label_of(bar.kind))}: {seconds} {_text(bar.label)}</title>"
        if style["line"] != "solid" and style["fill"]:
            # A thin line, dashed or dotted: it waits, and for what.
            return (
                f'<path d="M{start:.1f} {middle:.1f}h{width:.1f}" stroke="{colour}" '
                f'stroke-width="{height:g}" stroke-dasharray="{_DASHES[style["line"]]}">{name}</path>'
            )
        fill = colour if style["fill"] else "none"
        shape = (
            f'<rect x="{start:.1f}" y="{middle - height / 2:.1f}" width="{width:.1f}" height="{height:g}" '
            f'rx="{min(3.0, height / 2):g}"'
        )
        dashes = _DASHES[style["line"]]
        drawn = f'{shape} fill="{fill}" stroke="{colour}" stroke-dasharray="{dashes}">{name}</rect>'
        if style["hatch"]:
            role = "background" if style["fill"] else style["colour"]
            drawn += f'{shape} fill="url(#{self._hatch_id(style["hatch"], role)})"/>'
        return drawn

    def _moment(self, moment: MarkedMoment, middle: float) -> str:
        return self._shape(MOMENTS[moment.kind], self._x(moment.at), middle, moment.label)

    def _legend(self, kinds: list[str]) -> Iterator[str]:
        for index, kind in enumerate(kinds):
            x = _LEFT + (index % _COLUMNS) * 225
            y = self._bottom + 38 + 20 * (index // _COLUMNS)
            yield self._label(x + 28, y + 4, self._label_of(kind), "secondary")
            if kind in MOMENTS:
                yield self._shape(MOMENTS[kind], x + 12, y, self._label_of(kind))
            else:
                scale = self._layout.seconds / (_WIDTH - _LEFT - _RIGHT) if self._layout.seconds else 0.0
                begin = (x - _LEFT) * scale
                yield self._bar(Bar(kind, begin, begin + 22 * scale, "", False), y)

    # -- helpers

    def _fault(self, band: Band) -> str:
        return self._words.text("timeline.fault", fault=band.label)

    def _state(self, row: Row) -> str:
        return state_label(row.call.state.value, self._words.language)

    def _label_of(self, kind: str) -> str:
        return label_of(kind, self._words.language)

    def _kinds(self) -> list[str]:
        used = {bar.kind for row in self._layout.rows for bar in row.bars}
        used |= {moment.kind for row in self._layout.rows for moment in row.moments}
        return [kind for kind in (*SPANS, *MOMENTS) if kind in used]

    def _x(self, seconds: float) -> float:
        if self._layout.seconds <= 0:
            return _LEFT
        return _LEFT + seconds / self._layout.seconds * (_WIDTH - _LEFT - _RIGHT)

    def _colour(self, role: str) -> str:
        return str(COLOURS[role][self._theme])

    def _shape(self, style: dict[str, object], x: float, y: float, name: str) -> str:
        colour = self._colour(str(style["colour"]))
        fill = colour if style["fill"] else "none"
        return (
            f'<path d="{style["path"]}" transform="translate({x:.1f} {y:.1f})" fill="{fill}" '
            f'stroke="{colour}" stroke-width="1.5"><title>{_text(name)}</title></path>'
        )

    def _label(self, x: float, y: float, text: str, role: str) -> str:
        shown = text if len(text) <= _LONGEST_NAME or x > _LEFT - 1 else f"{text[: _LONGEST_NAME - 1]}…"
        return f'<text x="{x:.1f}" y="{y:.1f}" fill="{self._colour(role)}">{_text(shown)}</text>'

    def _hatches(self) -> Iterator[str]:
        used = {
            (style["hatch"], "background" if style["fill"] else style["colour"])
            for kind in self._kinds()
            if (style := SPANS.get(kind)) and style["hatch"]
        }
        for hatch, role in sorted(used):
            yield (
                f'<pattern id="{self._hatch_id(hatch, role)}" width="6" height="6" '
                f'patternUnits="userSpaceOnUse"><path d="{_HATCHES[hatch][1]}" '
                f'stroke="{self._colour(role)}" stroke-width="1"/></pattern>'
            )

    def _hatch_id(self, hatch: str, role: str) -> str:
        """Return an id that is the same wherever it means the same.

        Several pictures on one page share their ids.
        """
        return f"labkit-{self._theme}-{role}-{_HATCHES[hatch][0]}"


def _text(text: str) -> str:
    return html.escape(printable(text))
