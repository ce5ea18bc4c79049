"""Plots of measured runs over the curves of queueing theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from labkit.views.formatting import format_seconds
from labkit.views.load import RunLoad, burst_seconds, mean_wait
from labkit.views.measurement import Measurement
from labkit.views.plots.frame import Panel, add_legend, new_figure
from labkit.views.plots.lettering import lettering
from labkit.views.plots.picture import Picture
from labkit.views.plots.style import Theme
from labkit.views.words import ENGLISH, ViewWords
from labkit_services.contract.errors import InvalidValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 2.6  # inches
_MARKERS = "osD^v"
_LINES = ("-", "--", "-.", ":")
_FULLEST = 0.96
"""Up to this utilisation the curves are drawn: they have no end."""


def plot_rounds(runs: Mapping[int, Measurement], words: ViewWords = ENGLISH) -> Picture:
    """Plot when a burst was done, by slots, over ceil(n/k) times s.

    ``runs`` are runs of equally many calls of one function, by the number of
    slots that they had.

    Raises:
        InvalidValueError: There are none, or they do not belong together.
    """
    _require(runs)
    calls = {len(run.calls) for run in runs.values()}
    if len(calls) != 1:
        raise InvalidValueError(
            "the runs differ in their number of calls", expected="one number", seen=str(sorted(calls))
        )
    count = calls.pop()
    work = median(run.per_call or 0.0 for run in runs.values())
    done = {slots: run.drained_after or 0.0 for slots, run in sorted(runs.items())}

    def told(words: ViewWords) -> str:
        found = words.joined(*(f"{slots}: {format_seconds(seconds)}" for slots, seconds in done.items()))
        return words.text("load.rounds.told", n=count, found=found)

    def draw(theme: Theme, words: ViewWords) -> Figure:
        heading = words.text("load.rounds.heading", n=count, time=format_seconds(work))
        panel = Panel(heading, told(words), _HEIGHT)
        figure, (axes,) = new_figure([panel], theme, ylabel=words.text("load.axis.time"), legend=2)
        slots = range(1, max(done) + 1)
        theory = [burst_seconds(count, each, work) for each in slots]
        axes.plot(slots, theory, color=theme.text, linewidth=1.2, marker="_", markersize=16)
        axes.plot(list(done), list(done.values()), "o", color=theme.works, markersize=7)
        axes.set_xlabel(words.text("load.axis.slots"), color=theme.text, fontsize=9)
        axes.set_ylim(0, 1.1 * max(*theory, *done.values()))
        keys = {"⌈n/k⌉ · s": axes.lines[0], words.text("load.measured"): axes.lines[1]}
        add_legend(figure, dict(keys), theme)
        return figure

    alt = words.text("load.rounds", sentence=told(words))
    return Picture(_lettered(draw, words), alt, title=words.text("load.rounds.title"), words=words)


def plot_waiting(runs: Mapping[int, Sequence[Measurement]], words: ViewWords = ENGLISH) -> Picture:
    """Plot the mean wait by utilisation, over the curves of M/M/k.

    ``runs`` are asynchronous runs by the number of slots that they had.

    Raises:
        InvalidValueError: There are none.
    """
    _require(runs)
    loads = [RunLoad.of(run, slots) for slots, group in sorted(runs.items()) for run in group]

    def told(words: ViewWords) -> str:
        return words.text(
            "load.waiting.told",
            found=words.text("join.notes").join(_load_told(each, words) for each in loads),
        )

    def draw(theme: Theme, words: ViewWords) -> Figure:
        panel = Panel(words.text("load.waiting.heading"), told(words), _HEIGHT)
        figure, (axes,) = new_figure(
            [panel], theme, ylabel=words.text("load.axis.time"), legend=2 * len(runs)
        )
        keys = {}
        work = median(each.work for each in loads)
        for number, slots in enumerate(sorted(runs)):
            own = [each for each in loads if each.slots == slots]
            used = [_FULLEST * step / 100 for step in range(101)]
            colour = (theme.works, theme.queue)[number % 2]
            line = _LINES[number % len(_LINES)]
            curve = [mean_wait(each, slots, work) for each in used]
            keys[f"M/M/{slots}"] = axes.plot(used, curve, line, color=colour, linewidth=1.4)[0]
            keys[words.text("load.measured.slots", n=slots)] = axes.plot(
                [each.utilisation for each in own],
                [each.wait for each in own],
                _MARKERS[number % len(_MARKERS)],
                color=colour,
                markersize=7,
            )[0]
        axes.set_xlabel(words.text("load.axis.utilisation"), color=theme.text, fontsize=9)
        axes.set_xlim(0, max(1.05, *(1.05 * each.utilisation for each in loads)))
        axes.axvline(1.0, color=theme.fails, linewidth=1)
        axes.set_ylim(0, max(1.15 * max(each.wait for each in loads), 4 * work))
        add_legend(figure, dict(keys), theme)
        return figure

    alt = words.text("load.waiting", sentence=told(words))
    return Picture(_lettered(draw, words), alt, title=words.text("load.waiting.title"), words=words)


def _load_told(load: RunLoad, words: ViewWords) -> str:
    return words.text(
        "load.waiting.run",
        n=load.slots,
        utilisation=f"{load.utilisation:.2f}",
        time=format_seconds(load.wait),
    )


def _lettered(draw: Callable[[Theme, ViewWords], Figure], words: ViewWords) -> Callable[[Theme], Figure]:
    """Let a plot be drawn with fonts that have its words."""

    def lettered(theme: Theme) -> Figure:
        with lettering(words) as drawn:
            return draw(theme, drawn)

    return lettered


def _require(runs: Mapping[int, object]) -> None:
    if not runs or any(slots < 1 for slots in runs):
        raise InvalidValueError(
            "there is nothing to plot", expected="runs by the number of calls at once", seen=repr(list(runs))
        )
