"""Plot of queued calls and of invocations in flight over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.views.measurement import Measurement
from labkit.views.plots.bands import (
    band_key,
    draw_bands,
    draw_labels,
    fault_bands,
    lanes_of,
    placed,
    told_faults,
    with_left_out,
)
from labkit.views.plots.frame import Panel, add_legend, new_figure, set_span
from labkit.views.plots.lettering import lettering
from labkit.views.plots.picture import Picture
from labkit.views.plots.strips import draw_strip, set_counts, strip_properties, strips_of, told
from labkit.views.plots.style import Theme
from labkit.views.words import ENGLISH, ViewWords

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

_HEIGHT = 2.2  # inches


def plot_queue_depth(run: Measurement, average: float | None = None, words: ViewWords = ENGLISH) -> Picture:
    """Plot how many calls of a run were queued, and how many in flight.

    ``average`` is drawn as a line: what theory says of the queue's depth.
    """
    return Picture(
        lambda theme: _draw(run, average, theme, words),
        words.text("plot.depth", title=run.title_in(words), sentence=_told(run, average, words)),
        title=words.text("plot.depth.title"),
        words=words,
    )


def _sentence(run: Measurement, average: float | None, words: ViewWords) -> str:
    """Return the peaks, and when the queue was empty again; then the notes."""
    clauses = [told(strip, words, alone=False) for strip in strips_of(run)]
    if average is not None:
        clauses.append(words.text("plot.average.told", n=f"{average:.1f}"))
    return run.caption(words.joined(*clauses), words)


def _told(run: Measurement, average: float | None, words: ViewWords) -> str:
    parts = (_sentence(run, average, words), told_faults(run, words))
    return words.text("join.notes").join(part for part in parts if part)


def _draw(run: Measurement, average: float | None, theme: Theme, words: ViewWords) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    average_properties: dict[str, Any] = {"color": theme.text, "linewidth": 1.4, "linestyle": "--"}
    strips = strips_of(run)
    end = max(strip.steps[-1][0] for strip in strips)
    bands = fault_bands(run, end)
    with lettering(words) as drawn:
        keys: dict[str, Artist] = {
            drawn.text(f"plot.{strip.kind}"): Patch(
                **strip_properties(strip.kind, theme, shared=True), linewidth=1.4
            )
            for strip in strips
        }
        if bands:
            keys[drawn.text("plot.fault")] = band_key(theme)
        if average is not None:
            keys[drawn.text("plot.average")] = Line2D([], [], **average_properties)
        labels = placed([band.label(drawn) for band in bands], end)
        sentence = with_left_out(_sentence(run, average, drawn), len(bands) - len(labels), drawn)
        panel = Panel(run.title_in(drawn), sentence, _HEIGHT, lanes_of(labels))
        figure, (axes,) = new_figure(
            [panel], theme, ylabel=drawn.text("plot.calls"), legend=list(keys), words=drawn
        )
        set_span(axes, end)
        draw_bands(axes, bands, theme)
        draw_labels(axes, labels, panel.height, theme)
        for strip in strips:
            draw_strip(axes, strip, end, theme, shared=True)
        if average is not None:
            axes.axhline(average, **average_properties)
        set_counts(axes, [strip.most for strip in strips], nbins=6)
        add_legend(figure, keys, theme)
    return figure
