"""The picture: every row against its goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import Result
from labkit.views.plots.style import LIGHT

_ROW_INCHES = 0.36


def share_of_goal(value: float, result: Result) -> float:
    """Return a cost as a multiple of what the goal allows: below 1 is better than the goal."""
    goal = result.row.goal
    assert goal is not None
    return goal / value if result.row.unit.more_is_better else value / goal


def draw(results: Sequence[Result], title: str, path: Path) -> None:
    """Draw the rows that have a goal, on a logarithmic axis, and write a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    rows = [result for result in results if result.row.goal]
    figure = Figure(figsize=(9, 1.8 + _ROW_INCHES * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(rows))
    axes.axvspan(1e-6, 1, color=LIGHT.works, alpha=0.07, linewidth=0)
    axes.axvline(1, color=LIGHT.text, linewidth=1)
    for place, result in zip(places, rows, strict=True):
        ends = [share_of_goal(value, result) for value in (result.value.low, result.value.high)]
        axes.plot(ends, [place, place], color=LIGHT.works, linewidth=5, alpha=0.35, solid_capstyle="butt")
    series = (
        ("labkit: median, and all rounds", "o", LIGHT.works, [r.value.median for r in rows]),
        ("its floor, same run", "|", LIGHT.text, [r.floors[0].value.median for r in rows]),
        ("real OpenFaaS, another machine", "D", LIGHT.waits, [r.row.real_middle for r in rows]),
    )
    for label, marker, colour, values in series:
        told = [(share_of_goal(v, r), p) for v, r, p in zip(values, rows, places, strict=True) if v]
        x, y = zip(*told, strict=True)
        axes.scatter(x, y, marker=marker, color=colour, s=70, label=label, zorder=3)
    axes.set_xscale("log")
    axes.set_xlim(_limits(rows))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} x"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_yticks(list(places), [_label(result) for result in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color=LIGHT.grid)
    axes.set_axisbelow(True)
    axes.set_xlabel("cost over the goal's; to the left of 1 the goal is met")
    axes.set_title(title, loc="left", fontsize=10)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=130, metadata={"Software": "labkit", "Title": title})


def _limits(rows: Sequence[Result]) -> tuple[float, float]:
    shares = [
        share_of_goal(value, result)
        for result in rows
        for value in (
            result.value.low,
            result.value.high,
            result.floors[0].value.median,
            result.row.real_middle,
        )
        if value
    ]
    return min(*shares, 1.0) / 1.3, max(*shares, 1.0) * 1.3


def _label(result: Result) -> str:
    return f"{result.row.name}  ({result.row.unit.say(result.value.median)})"
