"""Plot of queued calls and of invocations in flight over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.plots.frame import Panel, add_legend, new_figure, set_span
from labkit.views.plots.picture import Picture
from labkit.views.plots.style import Theme
from labkit_services.call_record.spans import Steps, in_flight, queue_depth

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 2.2  # inches


def plot_queue_depth(run: Measurement, average: float | None = None) -> Picture:
    """Plot how many calls of a run were queued, and how many in flight.

    ``average`` is drawn as a line: what theory says of the queue's depth.
    """
    depth, flight = queue_depth(run.calls), in_flight(run.calls)
    summary = _summarise(run, depth, flight)
    if average is not None:
        summary += f", {average:.1f} in the queue on average by Little's law"
    sentence = run.caption(summary)
    return Picture(
        lambda theme: _draw(run, sentence, (depth, flight), average, theme),
        f"Queue depth over time. {run.title}: {sentence}.",
        title="Queue depth over time",
    )


def _summarise(run: Measurement, depth: Steps, flight: Steps) -> str:
    """Return the peaks, and when the queue was empty again, as a clause."""
    busiest = max((count for _, count in flight), default=0)
    if not depth:
        return f"nothing was queued, at most {busiest} in flight"
    deepest = max(count for _, count in depth)
    reached = next(time for time, count in depth if count == deepest)
    last, left = depth[-1]
    end = f"{left} still there at the end" if left else f"empty after {format_seconds(run.seconds_at(last))}"
    after = format_seconds(run.seconds_at(reached))
    return f"at most {deepest} in the queue (after {after}), {end}, at most {busiest} in flight"


def _draw(
    run: Measurement, sentence: str, steps: tuple[Steps, Steps], average: float | None, theme: Theme
) -> Figure:
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    depth, flight = steps
    panel = Panel(run.title, sentence, _HEIGHT)
    figure, (axes,) = new_figure([panel], theme, ylabel="calls", legend=3)
    end = max([run.total, *(run.seconds_at(time) for time, _ in [*depth, *flight])])
    top = max([1, *(count for _, count in [*depth, *flight])])
    # A plain and a hatched area can be told apart where they overlap, and
    # without colour.
    styles: dict[str, tuple[Steps, dict[str, Any]]] = {
        "in the queue": (depth, {"facecolor": (theme.queue, 0.3), "edgecolor": theme.queue}),
        "in flight": (flight, {"facecolor": "none", "edgecolor": theme.works, "hatch": r"\\"}),
    }
    for each, style in styles.values():
        _draw_steps(axes, _seconds(run, each, end), style)
    set_span(axes, end)
    axes.set_ylim(-0.02 * top, 1.08 * top)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    keys: dict[str, Artist] = {label: Patch(**style, linewidth=1.4) for label, (_, style) in styles.items()}
    if average is not None:
        keys["average by Little's law"] = axes.axhline(
            average, color=theme.text, linewidth=1.4, linestyle="--"
        )
    add_legend(figure, keys, theme)
    return figure


def _seconds(run: Measurement, steps: Steps, end: float) -> list[tuple[float, int]]:
    """Return the steps in seconds since the run's start, from 0 to ``end``."""
    points = [(0.0, 0), *((run.seconds_at(time), count) for time, count in steps)]
    return [*points, (end, points[-1][1])]


def _draw_steps(axes: Axes, points: list[tuple[float, int]], style: dict[str, Any]) -> None:
    times, counts = zip(*points, strict=True)
    axes.fill_between(times, counts, step="post", linewidth=0, **style)
    axes.step(times, counts, where="post", color=style["edgecolor"], linewidth=1.4)
