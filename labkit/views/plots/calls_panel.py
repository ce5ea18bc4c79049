"""The calls of a run, drawn in rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.views.formatting import format_seconds
from labkit.views.plots.rows import Period, RunRows
from labkit.views.plots.style import BARS, MARKS, BarStyle, MarkStyle, Theme
from labkit.views.words import ViewWords

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_DETAILED_ROWS = 40  # With more, a row is only a few pixels high, and outlines and hatches are noise.
_MOST_TICKS = 13
_MOST_LABELLED_ROWS = 15  # These are high enough for a text.
_LONG_LEASE = 0.1  # as a part of the axis: there is room for its label


def draw_calls(axes: Axes, rows: RunRows, theme: Theme) -> None:
    """Draw all rows; the axis up and down is the number of the call."""
    count = rows.calls
    step = _step(count)
    axes.set_yticks([1, *range(step if step > 1 else 2, count + 1, step)] if count else [])
    axes.set_ylim(max(rows.count, 1) * rows.per_row + 0.6, 0.4)
    is_detailed = rows.count <= _MOST_DETAILED_ROWS
    for kind, style in BARS.items():
        if kind in rows.bars:
            _draw_bars(axes, rows.bars[kind], rows.per_row, style, theme, is_detailed=is_detailed)
    for mark, places in rows.marks.items():
        style_ = MARKS[mark]
        times = [time for time, _ in places]
        middles = [_middle(row, rows.per_row, style_.centre) for _, row in places]
        axes.plot(times, middles, linestyle="", **mark_properties(style_, theme, is_detailed=is_detailed))


def label_leases(axes: Axes, rows: RunRows, end: float, theme: Theme, words: ViewWords) -> None:
    """Write over waits for redelivery how long they were."""
    if rows.count > _MOST_LABELLED_ROWS:
        return
    for lease in rows.leases:
        seconds = lease.end - lease.start
        if seconds >= _LONG_LEASE * end:
            time = words.text("fault.goes-on") if lease.is_open else format_seconds(seconds)
            axes.text(
                (lease.start + lease.end) / 2,
                _middle(lease.row, rows.per_row, -0.08),
                words.text("plot.lease", time=time),
                color=theme.text,
                fontsize=8,
                horizontalalignment="center",
                verticalalignment="bottom",
            )


def _step(count: int) -> int:
    """Return the round step of the rows' numbers."""
    power = 1
    while True:
        for step in (1, 5) if power == 1 else (1, 2.5, 5):
            if count <= _MOST_TICKS * step * power:
                return int(step * power)
        power *= 10


def _middle(row: int, per_row: int, centre: float) -> float:
    """Return a row's middle: calls are numbered from 1."""
    return 0.5 + (row + 0.5 + centre) * per_row


def _draw_bars(
    axes: Axes, bars: Sequence[Period], per_row: int, style: BarStyle, theme: Theme, *, is_detailed: bool
) -> None:
    # One collection for each kind, not one artist for each bar: a run may have
    # a thousand calls.
    from matplotlib.collections import PolyCollection

    # Of many rows the queue is an area: thin lines would make a pattern.
    is_area = style.name == "queued" and not is_detailed
    half, centre = (0.5, 0.0) if is_area else (style.height / 2, style.centre)
    corners = []
    for bar in bars:
        top = _middle(bar.row, per_row, centre - half)
        bottom = _middle(bar.row, per_row, centre + half)
        corners.append([(bar.start, top), (bar.end, top), (bar.end, bottom), (bar.start, bottom)])
    properties = bar_properties(style, theme, is_detailed=is_detailed)
    if is_area:
        properties |= {"facecolor": (theme.queue, 0.4), "linewidth": 0, "antialiased": False}
    axes.add_collection(PolyCollection(corners, **properties, gid=style.name))
    if style.is_filled and style.hatch and is_detailed:
        # The pale outline hides a short bar: its beginning is a line.
        colour = getattr(theme, style.colour)
        axes.vlines(
            [bar.start for bar in bars],
            [corner[0][1] for corner in corners],
            [corner[2][1] for corner in corners],
            colors=colour,
            linewidth=1.6,
        )


def bar_properties(style: BarStyle, theme: Theme, *, is_detailed: bool = True) -> dict[str, Any]:
    """Return matplotlib's properties of a bar, for panel and legend alike."""
    colour = getattr(theme, style.colour)
    return {
        "facecolor": colour if style.is_filled or not is_detailed else "none",
        # matplotlib draws a hatch in the outline's colour.
        "edgecolor": theme.background if style.is_filled and style.hatch and is_detailed else colour,
        "hatch": style.hatch if is_detailed else "",
        "linestyle": style.line,
        "linewidth": 0.8 if is_detailed else 0.3,
    }


def mark_properties(style: MarkStyle, theme: Theme, *, is_detailed: bool = True) -> dict[str, Any]:
    """Return matplotlib's properties of a mark, for panel and legend alike."""
    return {
        "marker": style.marker,
        "color": theme.text,
        "markersize": style.size if is_detailed else style.size / 2.5,
        "markeredgewidth": 0,
    }
