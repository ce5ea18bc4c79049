"""Plot of who waited and who worked: one timeline per run, one time axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.views.measurement import Measurement
from labkit.views.plots.frame import Panel, add_legend, new_figure, set_span
from labkit.views.plots.picture import Picture
from labkit.views.plots.style import BARS, MARKS, BarStyle, Mark, MarkStyle, Theme
from labkit_services.call_record.log import CallState, Mode
from labkit_services.call_record.spans import Kind, spans
from labkit_services.contract.errors import InvalidValueError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_DETAILED_ROWS = 40  # With more, a row is only a few pixels high, and outlines and hatches are noise.
_MOST_SVG_ROWS = 250  # These make an SVG of a quarter of a megabyte; a thousand rows, one of a megabyte.
_MOST_AXES = 3
"""A prediction may lengthen the time axis this many times."""
_PREDICTED = "your prediction"
_FAILED = (CallState.FAILED, CallState.DEAD, CallState.CANCELLED)


def plot_timelines(*runs: Measurement, predicted: Mapping[Mode, float] | None = None) -> Picture:
    """Plot runs as timelines with a common time axis, synchronous ones above.

    Each run begins at 0 and has a row for each call: a narrow strip above for
    the caller's wait, a thin line for the time in the queue, a tall bar for
    the function's work. Bars without an end reach to the run's end.

    Args:
        runs: One or more.
        predicted: By mode, the seconds that a learner predicted for the
            caller's wait; each is a vertical line.

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
    lines = dict(predicted or {})
    return Picture(
        lambda theme: _draw(ordered, theme, lines),
        _describe(ordered, lines),
        title="Who waited and who worked",
        page_format="svg" if sum(len(run.calls) for run in runs) <= _MOST_SVG_ROWS else "png",
    )


def _describe(runs: Sequence[Measurement], predicted: Mapping[Mode, float]) -> str:
    start = "A timeline" if len(runs) == 1 else f"{len(runs)} timelines on one time axis"
    return " ".join(
        [f"{start}, a row per call.", *(f"{run.title}: {_sentence(run, predicted)}." for run in runs)]
    )


def _sentence(run: Measurement, predicted: Mapping[Mode, float]) -> str:
    caller = run.caller
    if run.mode in predicted:
        caller = f"{caller} (you predicted {predicted[run.mode]:g} s)"
    sentence = f"{caller}, {run.outcome}" if run.outcome else caller
    return run.caption(sentence)


@dataclass(frozen=True)
class _Timeline:
    """The bars and marks of a run, in seconds since its start, rows from 1."""

    rows: int
    bars: dict[Kind, list[tuple[float, float, int]]]  # start, end, row
    marks: dict[Mark, list[tuple[float, int]]]  # time, row


def _timeline(run: Measurement) -> _Timeline:
    timeline = _Timeline(len(run.calls), defaultdict(list), defaultdict(list))
    for row, call in enumerate(run.calls, start=1):
        for span in spans(call):
            if span.kind in BARS:
                end_ns = max(run.finished_ns, span.start_ns) if span.end_ns is None else span.end_ns
                bar = (run.seconds_at(span.start_ns), run.seconds_at(end_ns), row)
                timeline.bars[span.kind].append(bar)
        if call.released is not None and not call.client_error:
            timeline.marks[Mark.ANSWERED].append((run.seconds_at(call.released), row))
        if call.state in _FAILED and call.ended is not None:
            timeline.marks[Mark.FAILED].append((run.seconds_at(call.ended), row))
    return timeline


def _draw(runs: Sequence[Measurement], theme: Theme, predicted: Mapping[Mode, float]) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    timelines = [_timeline(run) for run in runs]
    kinds = {kind for timeline in timelines for kind in timeline.bars}
    marks = {mark for timeline in timelines for mark in timeline.marks}
    legend: dict[str, Artist] = {
        style.label: Patch(**_bar_properties(style, theme)) for kind, style in BARS.items() if kind in kinds
    }
    for style in (style for mark, style in MARKS.items() if mark in marks):
        legend[style.label] = Line2D([], [], linestyle="", **_mark_properties(style, theme))
    line: dict[str, Any] = {"color": theme.text, "linestyle": (0, (5, 3)), "linewidth": 1.4}
    if any(run.mode in predicted for run in runs):
        legend[_PREDICTED] = Line2D([], [], **line)
    panels = [Panel(run.title, _sentence(run, predicted), _height(len(run.calls))) for run in runs]
    figure, all_axes = new_figure(panels, theme, ylabel="call", legend=len(legend))
    for axes, run, timeline in zip(all_axes, runs, timelines, strict=True):
        _draw_timeline(axes, timeline, theme)
        if run.mode in predicted:
            axes.axvline(predicted[run.mode], **line)
    ends = [end for timeline in timelines for bars in timeline.bars.values() for _, end, _ in bars]
    set_span(all_axes[0], max([*(run.total for run in runs), *ends, *_within(runs, predicted)]))
    add_legend(figure, legend, theme)
    return figure


def _within(runs: Sequence[Measurement], predicted: Mapping[Mode, float]) -> list[float]:
    """Return the predictions that the time axis reaches to.

    One of a thousand seconds would leave nothing to see of the run: its number
    stands in the heading.
    """
    longest = _MOST_AXES * max(run.total for run in runs)
    return [predicted[run.mode] for run in runs if predicted.get(run.mode, longest) < longest]


def _height(calls: int) -> float:
    """Return the height in inches: two panels must fit on about one screen."""
    return min(max(0.25 * calls, 0.5), 4.5)


def _draw_timeline(axes: Axes, timeline: _Timeline, theme: Theme) -> None:
    count = timeline.rows
    step = next(step for step in (1, 5, 10, 25, 50, 100, 1000) if count <= 13 * step or step == 1000)
    axes.set_yticks([1, *range(step if step > 1 else 2, count + 1, step)] if count else [])
    axes.set_ylim(max(count, 1) + 0.6, 0.4)
    is_detailed = count <= _MOST_DETAILED_ROWS
    for kind in BARS:
        if kind in timeline.bars:
            _draw_bars(axes, timeline.bars[kind], BARS[kind], theme, is_detailed=is_detailed)
    for mark, places in timeline.marks.items():
        style = MARKS[mark]
        times, rows = [time for time, _ in places], [row + style.centre for _, row in places]
        axes.plot(times, rows, linestyle="", **_mark_properties(style, theme, is_detailed=is_detailed))


def _draw_bars(
    axes: Axes, bars: Sequence[tuple[float, float, int]], style: BarStyle, theme: Theme, *, is_detailed: bool
) -> None:
    # One collection for each kind, not one artist for each bar: a run may have
    # a thousand calls.
    from matplotlib.collections import PolyCollection

    half = style.height / 2
    corners = []
    for start, end, row in bars:
        top, bottom = row + style.centre - half, row + style.centre + half
        corners.append([(start, top), (end, top), (end, bottom), (start, bottom)])
    axes.add_collection(PolyCollection(corners, **_bar_properties(style, theme, is_detailed=is_detailed)))


def _bar_properties(style: BarStyle, theme: Theme, *, is_detailed: bool = True) -> dict[str, Any]:
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


def _mark_properties(style: MarkStyle, theme: Theme, *, is_detailed: bool = True) -> dict[str, Any]:
    """Return matplotlib's properties of a mark, for panel and legend alike."""
    return {
        "marker": style.marker,
        "color": theme.text,
        "markersize": style.size if is_detailed else style.size / 2.5,
        "markeredgewidth": 0,
    }
