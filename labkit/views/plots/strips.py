"""Queued calls and invocations in flight over time, each a strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.plots.frame import Panel
from labkit.views.plots.style import Theme
from labkit.views.words import ViewWords
from labkit_services.call_record.spans import Steps, in_flight, queue_depth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP = 0.45
"""Height of a strip below the calls, in inches."""
_MOST_STEPS = 200
"""With more, a thick line would fill the area."""
StripKind = Literal["queued", "in-flight"]


@dataclass(frozen=True)
class Strip:
    """How many calls were in one state, over time.

    Attributes:
        steps: ``(seconds, count)``, from the run's start to its end.
        most: The highest count.
        summary: The counts in words.
    """

    kind: StripKind
    steps: tuple[tuple[float, int], ...]
    most: int

    def panel(self, summary: str, words: ViewWords, height: float = STRIP) -> Panel:
        """Return the strip's panel, whose heading says the counts."""
        what = words.text(f"plot.{self.kind}")
        return Panel("", words.text("plot.strip", what=what, summary=summary), height, ylabel="")


def strips_of(run: Measurement) -> tuple[Strip, Strip]:
    """Return the strips of the queue and of what is in flight."""
    return _strip("queued", run, queue_depth(run.calls)), _strip("in-flight", run, in_flight(run.calls))


def _strip(kind: StripKind, run: Measurement, steps: Steps) -> Strip:
    points = [(0.0, 0), *((run.seconds_at(time), count) for time, count in steps)]
    most = max(count for _, count in points)
    return Strip(kind, (*points, (max(run.total, points[-1][0]), points[-1][1])), most)


def told(strip: Strip, words: ViewWords, *, alone: bool) -> str:
    """Return the counts in words; ``alone``, if a heading names the strip."""
    most = strip.most
    if strip.kind == "in-flight":
        return words.text("plot.most" if alone else "plot.most.in-flight", n=most)
    if not most:
        return words.text("plot.none-queued")
    reached = next(time for time, count in strip.steps if count == most)
    last, left = strip.steps[-2]
    clause = words.text("plot.most-at" if alone else "plot.most.queued", n=most, time=format_seconds(reached))
    end = words.text("plot.left", n=left) if left else words.text("plot.empty", time=format_seconds(last))
    return words.joined(clause, end)


def strip_properties(kind: StripKind, theme: Theme, *, shared: bool) -> dict[str, Any]:
    """Return matplotlib's properties of an area.

    In a ``shared`` panel a plain and a hatched one can be told apart where
    they overlap, and without colour.
    """
    colour = theme.queue if kind == "queued" else theme.works
    is_hatched = shared and kind == "in-flight"
    face: Any = "none" if is_hatched else (colour, 0.3)
    return {"facecolor": face, "edgecolor": colour, "hatch": r"\\" if is_hatched else ""}


def draw_strip(axes: Axes, strip: Strip, end: float, theme: Theme, *, shared: bool = False) -> None:
    """Draw the steps, up to ``end`` seconds."""
    times, counts = zip(*strip.steps, (end, strip.steps[-1][1]), strict=True)
    style = strip_properties(strip.kind, theme, shared=shared)
    width = 1.3 if len(times) <= _MOST_STEPS else 0.7
    axes.fill_between(times, counts, step="post", linewidth=0, **style)
    axes.step(times, counts, where="post", color=style["edgecolor"], linewidth=width)


def set_counts(axes: Axes, most: Sequence[int], nbins: int = 1) -> None:
    """Set a count axis that reaches to the highest of ``most``."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    top = max([1, *most])
    axes.set_ylim(-0.02 * top, 1.08 * top)
    # A strip has room for two numbers: none, and the most.
    locator = FixedLocator([0, top]) if nbins == 1 else MaxNLocator(nbins, integer=True, min_n_ticks=1)
    axes.yaxis.set_major_locator(locator)
