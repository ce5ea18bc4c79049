"""The frame of every plot: panels with headings, a time axis, a legend.

Sizes are set in inches. matplotlib's layout engine would draw everything
twice, which takes longer than the plot itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from labkit.views.plots.style import Theme

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 9.0  # the width of a JupyterLab cell on a laptop
_LEFT, _RIGHT = 0.6, 0.18
_LINE = 0.19  # a line of text
_GAP = 0.14  # between a heading and what is above it
_AXIS = 0.5  # tick labels and the axis's label
_LEGEND_COLUMNS = 4
_LETTERS = 105  # that fit on a line of a heading


@dataclass(frozen=True)
class Panel:
    """The heading of one panel, and the panel's height in inches."""

    title: str
    sentence: str
    height: float

    @property
    def sentence_lines(self) -> list[str]:
        """The sentence, wrapped into lines that fit."""
        return wrap(self.sentence, _LETTERS)

    @property
    def heading(self) -> float:
        """Height of the heading in inches."""
        return _GAP + _LINE * (1 + len(self.sentence_lines)) + 0.08


def new_figure(
    panels: Sequence[Panel], theme: Theme, *, ylabel: str, legend: int
) -> tuple[Figure, list[Axes]]:
    """Return a figure with room for ``legend`` keys, and its axes."""
    from matplotlib.figure import Figure

    foot = _AXIS + _LINE * 1.25 * (1 + (legend - 1) // _LEGEND_COLUMNS)
    height = sum(panel.heading + panel.height for panel in panels) + foot
    figure = Figure(figsize=(_WIDTH, height), facecolor="none")
    top = height
    found: list[Axes] = []
    for panel in panels:
        top -= panel.heading + panel.height
        width = (_WIDTH - _LEFT - _RIGHT) / _WIDTH
        axes = figure.add_axes(
            (_LEFT / _WIDTH, top / height, width, panel.height / height), sharex=found[0] if found else None
        )
        _style_axes(axes, panel, theme, ylabel)
        found.append(axes)
    for axes in found[:-1]:
        axes.tick_params(labelbottom=False)
    found[-1].set_xlabel("seconds since the run began", color=theme.text, fontsize=9)
    return figure, found


def _style_axes(axes: Axes, panel: Panel, theme: Theme, ylabel: str) -> None:
    lines = len(panel.sentence_lines)
    above = 0.08 + _LINE * lines
    for text, weight, y in ((panel.title, "normal", above), ("\n".join(panel.sentence_lines), "bold", 0.08)):
        axes.text(
            0,
            1 + y / panel.height,
            text,
            transform=axes.transAxes,
            color=theme.text,
            fontsize=9.5,
            fontweight=weight,
            verticalalignment="bottom",
        )
    axes.set_facecolor("none")
    axes.set_ylabel(ylabel, color=theme.text, fontsize=9)
    axes.yaxis.set_label_coords(-(_LEFT - 0.18) / (_WIDTH - _LEFT - _RIGHT), 0.5)
    axes.tick_params(colors=theme.text, length=0, labelsize=9)
    axes.grid(axis="x", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(theme.grid)


def set_span(axes: Axes, end: float) -> None:
    """Set the time axis to 0 to ``end`` seconds, with a margin for marks."""
    end = end or 1.0  # An empty run: any axis will do.
    axes.set_xlim(-0.012 * end, 1.02 * end)


def add_legend(figure: Figure, keys: dict[str, Artist], theme: Theme) -> None:
    """Draw the legend below the panels; ``keys`` are symbols by label."""
    if keys:
        figure.legend(
            list(keys.values()),
            list(keys),
            loc="lower center",
            bbox_to_anchor=(0.5, 0),
            ncols=min(_LEGEND_COLUMNS, len(keys)),
            frameon=False,
            labelcolor=theme.text,
            fontsize=9,
            columnspacing=1.6,
            borderpad=0.2,
        )
