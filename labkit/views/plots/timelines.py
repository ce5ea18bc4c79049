"""Plot of who waited and who worked: one timeline per run, one time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.views.measurement import Measurement
from labkit.views.plots.bands import (
    FaultBand,
    PlacedLabel,
    PredictedWait,
    band_key,
    draw_bands,
    draw_labels,
    fault_bands,
    lanes_of,
    line_properties,
    placed,
    predicted_text,
    prediction_label,
    told_faults,
    with_left_out,
)
from labkit.views.plots.calls_panel import bar_properties, draw_calls, label_leases, mark_properties
from labkit.views.plots.frame import Panel, add_legend, new_figure, set_span
from labkit.views.plots.lettering import lettering
from labkit.views.plots.picture import Picture
from labkit.views.plots.rows import RunRows
from labkit.views.plots.strips import Strip, draw_strip, set_counts, strips_of, told
from labkit.views.plots.style import BARS, MARKS, Theme
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.contract.errors import InvalidValueError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_SVG_CALLS = 120  # These make an SVG of about 150 kB.
_MOST_AXES = 3
"""A prediction may lengthen the time axis this many times."""
Predicted = Callable[[Measurement], PredictedWait | None]
"""Returns what was predicted for a run."""


def _nothing(_run: Measurement) -> None:
    return None


def plot_timelines(
    *runs: Measurement, predicted: Predicted = _nothing, words: ViewWords = ENGLISH
) -> Picture:
    """Plot runs as timelines with a common time axis, synchronous ones above.

    Each run begins at 0 and has a row for each call: a narrow strip above for
    the caller's wait, a thin line for the time in the queue, a tall bar for
    the function's work. Bars without an end reach to the run's end. With many
    calls, several share a row. Faults that were injected are bands. Below an
    asynchronous run: how many calls were queued, and how many in flight.

    Args:
        runs: One or more.
        predicted: What a learner predicted for each run; it is a vertical
            line.
        words: The language of all texts.

    Raises:
        InvalidValueError: No run was given.
    """
    if not runs:
        raise InvalidValueError(
            "there is no run to draw",
            expected="one or more measurements",
            seen="none",
            next_step='measure one first: run = lab.measure("long-task", calls=10)',
        )
    ordered = sorted(runs, key=lambda run: run.mode != "sync")
    return Picture(
        lambda theme: _draw(ordered, theme, predicted, words),
        _describe(ordered, predicted, words),
        title=words.text("plot.timelines.title"),
        page_format="svg" if sum(len(run.calls) for run in runs) <= _MOST_SVG_CALLS else "png",
        words=words,
    )


def _describe(runs: Sequence[Measurement], predicted: Predicted, words: ViewWords) -> str:
    rows = [RunRows.of(run) for run in runs]
    most = max(each.per_row for each in rows)
    start = words.joined(
        words.text("plot.timelines.one" if len(runs) == 1 else "plot.timelines.more", n=len(runs)),
        words.text("plot.rows.one" if most == 1 else "plot.rows.more", n=most),
    )
    told_runs = []
    for run, each in zip(runs, rows, strict=True):
        facts = [_sentence(run, each, predicted, words)]
        if run.mode == "async" and run.calls:
            facts.append(words.joined(*(told(strip, words, alone=False) for strip in strips_of(run))))
        facts.append(told_faults(run, words))
        sentence = words.text("join.notes").join(fact for fact in facts if fact)
        told_runs.append(words.text("plot.run", title=run.title_in(words), sentence=sentence))
    sentences = [words.text("plot.sentence", sentence=each) for each in (start, *told_runs)]
    return words.text("join.sentences").join(sentences)


def _sentence(run: Measurement, rows: RunRows, predicted: Predicted, words: ViewWords) -> str:
    caller, outcome, line = run.caller_in(words), run.outcome_in(words), predicted(run)
    if line is not None and line.is_end:
        outcome = predicted_text(outcome, line, words)
    elif line is not None:
        caller = predicted_text(caller, line, words)
    return run.caption(words.joined(caller, outcome, rows.told_leases(words)), words)


@dataclass(frozen=True)
class _Part:
    """One run as it is drawn, its panels from the top."""

    rows: RunRows
    strips: tuple[Strip, ...]
    bands: list[FaultBand]
    labels: list[PlacedLabel]
    panels: list[Panel]


def _part(run: Measurement, end: float, predicted: Predicted, words: ViewWords) -> _Part:
    rows = RunRows.of(run)
    strips = strips_of(run) if run.mode == "async" and run.calls else ()
    bands = fault_bands(run, end)
    line = predicted(run)
    wanted = [] if line is None else [prediction_label(line.seconds, end, words)]
    wanted += [band.label(words) for band in bands]
    labels = placed(wanted, end)
    left_out = len(wanted) - len(labels)
    sentence = with_left_out(_sentence(run, rows, predicted, words), left_out, words)
    ylabel = words.text("plot.call.rows", n=rows.per_row) if rows.per_row > 1 else words.text("plot.call")
    above = Panel(run.title_in(words), sentence, _height(rows.count), lanes_of(labels), ylabel)
    below = [strip.panel(told(strip, words, alone=True), words) for strip in strips]
    return _Part(rows, strips, bands, labels, [above, *below])


def _height(rows: int) -> float:
    """Return the height in inches: two panels must fit on about one screen."""
    return min(max(0.25 * rows, 0.5), 3.8)


def _draw(runs: Sequence[Measurement], theme: Theme, predicted: Predicted, words: ViewWords) -> Figure:
    with lettering(words) as drawn:
        end = _end(runs, predicted)
        parts = [_part(run, end, predicted, drawn) for run in runs]
        found = [predicted(run) for run in runs]
        lines = [line.seconds if line and line.seconds <= end else None for line in found]
        legend = _legend(parts, theme, drawn, has_line=any(line is not None for line in lines))
        panels = [panel for part in parts for panel in part.panels]
        figure, axes = new_figure(panels, theme, ylabel="", legend=list(legend), words=drawn)
        set_span(axes[0], end)
        left = list(axes)
        for part, line in zip(parts, lines, strict=True):
            own, left = left[: len(part.panels)], left[len(part.panels) :]
            _draw_part(own, part, theme, end)
            label_leases(own[0], part.rows, end, theme, drawn)
            if line is not None:
                own[0].axvline(line, **line_properties(theme), gid="prediction")
        add_legend(figure, legend, theme)
    return figure


def _draw_part(axes: Sequence[Axes], part: _Part, theme: Theme, end: float) -> None:
    for each in axes:
        draw_bands(each, part.bands, theme)
    draw_calls(axes[0], part.rows, theme)
    draw_labels(axes[0], part.labels, part.panels[0].height, theme)
    for each, strip in zip(axes[1:], part.strips, strict=True):
        draw_strip(each, strip, end, theme)
        set_counts(each, [strip.most])


def _legend(parts: Sequence[_Part], theme: Theme, words: ViewWords, *, has_line: bool) -> dict[str, Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds = {kind for part in parts for kind in part.rows.bars}
    marks = {mark for part in parts for mark in part.rows.marks}
    legend: dict[str, Artist] = {
        style.label(words): Patch(**bar_properties(style, theme))
        for kind, style in BARS.items()
        if kind in kinds
    }
    for style in (style for mark, style in MARKS.items() if mark in marks):
        legend[style.label(words)] = Line2D([], [], linestyle="", **mark_properties(style, theme))
    if any(part.bands for part in parts):
        legend[words.text("plot.fault")] = band_key(theme)
    if has_line:
        legend[words.text("plot.predicted")] = Line2D([], [], **line_properties(theme))
    return legend


def _end(runs: Sequence[Measurement], predicted: Predicted) -> float:
    """Return the seconds that the time axis reaches to.

    A prediction of a thousand seconds would leave nothing to see of the run:
    its number stands above the panel.
    """
    ends = [bar.end for run in runs for bars in RunRows.of(run).bars.values() for bar in bars]
    ends += [strip.steps[-1][0] for run in runs for strip in strips_of(run)]
    longest = max([*(run.total for run in runs), *ends])
    lines = [line.seconds for line in map(predicted, runs) if line is not None]
    return max([longest, *(line for line in lines if line < _MOST_AXES * longest)])
