"""A timeline drawn with Unicode characters, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.language import language, translated
from labkit.views.formatting import text_width
from labkit.views.style_table import label_of
from labkit.views.tables import text_table
from labkit.views.timeline.axis import tick_text, ticks
from labkit.views.timeline.layout import Bar, Layout, Row
from labkit_services.contract.wire_text import printable

BARS = {
    "waits": "┄",
    "queued": "─",
    "backoff": "╌",
    "lease": "·",
    "works": "█",
    "fails": "▓",
    "lost": "░",
    "interrupted": "░",
    "calls_back": "▄",
    "callback_fails": "▒",
}
MOMENTS = {"answered": "◆", "captured": "▼", "dead": "✖", "cancelled": "⊘"}
_ASCII = str.maketrans("┄─╌·█▓░▄▒◆▼✖⊘│…", "'-~.#xo=%*vX0|~")
_LONGEST_NAME = 30


def draw_text(layout: Layout, *, width: int = 60, encoding: str = "utf-8") -> str:
    """Return the timeline; ``width`` is that of the axis in characters.

    What ``encoding`` can't write is drawn in ASCII.
    """
    if not layout.rows:
        return translated("no calls")
    scale = _Scale(layout.seconds, max(width, 10))
    lines = [("", _axis(scale), "state")]
    lines += [
        (_short(band.label), scale.bar(band.start, band.end, "▁"), translated("fault"))
        for band in layout.bands
    ]
    lines += [(_short(row.label), _draw_row(row, scale), row.call.state.value) for row in layout.rows]
    text = "\n".join([text_table(lines), *_legend(layout.rows, scale.width + _LONGEST_NAME)])
    if layout.left_out:
        text += "\n" + translated(f"{layout.left_out} earlier calls are left out")
    return text if _can_encode(text, encoding) else text.translate(_ASCII).replace("▁", "_")


class _Scale:
    """Maps seconds to columns."""

    def __init__(self, seconds: float, width: int) -> None:
        self.seconds = seconds
        self.width = width

    def column(self, at: float) -> int:
        if self.seconds <= 0:
            return 0
        return min(self.width - 1, max(0, int(at / self.seconds * self.width)))

    def bar(self, start: float, end: float, character: str) -> str:
        cells = [" "] * self.width
        for column in range(self.column(start), self.column(end) + 1):
            cells[column] = character
        return "".join(cells)


def _axis(scale: _Scale) -> str:
    marks = ticks(scale.seconds, max(2, scale.width // 10))
    step = marks[1] if len(marks) > 1 else max(scale.seconds, 0.001)
    cells = [" "] * scale.width
    free = 0
    for mark in marks:
        column, label = scale.column(mark), tick_text(mark, step)
        if column >= free and column + len(label) <= scale.width:
            cells[column : column + len(label)] = label
            free = column + len(label) + 1
    return "".join(cells)


def _draw_row(row: Row, scale: _Scale) -> str:
    cells = [" "] * scale.width
    for bar in row.bars:
        for column in _columns(bar, scale):
            cells[column] = BARS[bar.kind]
    for moment in row.moments:
        cells[scale.column(moment.at)] = MOMENTS[moment.kind]
    return "".join(cells)


def _columns(bar: Bar, scale: _Scale) -> range:
    """Return the columns of a bar; a short one has at least one."""
    first, last = scale.column(bar.start), scale.column(bar.end)
    return range(first, max(last, first + 1))


def _legend(rows: Iterable[Row], width: int) -> list[str]:
    """Return the signs that are used and their meanings, in lines."""
    used = {bar.kind for row in rows for bar in row.bars} | {m.kind for row in rows for m in row.moments}
    signs = {**BARS, **MOMENTS}
    lines = [""]
    for kind, sign in signs.items():
        if kind in used:
            meaning = f"{sign} {label_of(kind, language())}"
            if lines[-1] and text_width(lines[-1] + meaning) + 2 > width:
                lines.append("")
            lines[-1] += ("  " if lines[-1] else "") + meaning
    return lines


def _short(name: str) -> str:
    safe = printable(name)
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[: _LONGEST_NAME - 1]}…"


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
