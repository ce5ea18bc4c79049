"""The frame of every plot: panels with headings, a time axis, a legend.

Sizes are set in inches. matplotlib's layout engine would draw everything
twice, which takes longer than the plot itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.views.plots.lettering import text_width, wrapped
from labkit.views.plots.style import Theme
from labkit.views.words import ENGLISH, ViewWords

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 9.0  # the width of a JupyterLab cell on a laptop
_LEFT, _RIGHT = 0.6, 0.18
AXES_WIDTH = _WIDTH - _LEFT - _RIGHT
LINE = 0.19
"""Height of a line of text."""
_BEFORE, _AFTER = 0.012, 0.02  # margins of the time axis, as parts of it
_GAP = 0.14  # between a heading and what is above it
_AXIS = 0.5  # tick labels and the axis's label
_LEGEND_COLUMNS = 4
_LEGEND_KEY = 0.5  # a symbol and the space beside a label
_LETTER = 0.0725  # mean width of a letter, at 9 points
_LETTERS = 105  # that fit on a line of a heading


@dataclass(frozen=True)
class Panel:
    """The heading of one panel, and the panel's height in inches.

    Attributes:
        title: "" for a strip, whose heading is one small line.
        lanes: Lines that are kept free above the panel, for labels.
        ylabel: None: the plot's.
    """

    title: str
    sentence: str
    height: float
    lanes: int = 0
    ylabel: str | None = None

    @property
    def sentence_lines(self) -> list[str]:
        """The sentence, wrapped into lines that fit."""
        return wrapped(self.sentence, _LETTERS)

    @property
    def heading(self) -> float:
        """Height of the heading in inches."""
        lines = len(self.sentence_lines) + self.lanes + (1 if self.title else 0)
        return (_GAP if self.title else 0.05) + LINE * lines + 0.08


def new_figure(
    panels: Sequence[Panel],
    theme: Theme,
    *,
    ylabel: str,
    legend: int | Sequence[str],
    words: ViewWords = ENGLISH,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with room for a legend, and its axes.

    ``legend`` is the number of its keys, or their labels.
    """
    from matplotlib.figure import Figure

    labels = [""] * legend if isinstance(legend, int) else legend
    foot = _AXIS + LINE * 1.25 * -(-len(labels) // _columns(labels))
    height = sum(panel.heading + panel.height for panel in panels) + foot
    figure = Figure(figsize=(_WIDTH, height), facecolor="none")
    top = height
    found: list[Axes] = []
    for panel in panels:
        top -= panel.heading + panel.height
        axes = figure.add_axes(
            (_LEFT / _WIDTH, top / height, AXES_WIDTH / _WIDTH, panel.height / height),
            sharex=found[0] if found else None,
        )
        _style_axes(axes, panel, theme, ylabel if panel.ylabel is None else panel.ylabel)
        found.append(axes)
    for axes in found[:-1]:
        axes.tick_params(labelbottom=False)
    found[-1].set_xlabel(words.text("plot.axis"), color=theme.text, fontsize=9)
    return figure, found


def _style_axes(axes: Axes, panel: Panel, theme: Theme, ylabel: str) -> None:
    lanes, lines = LINE * panel.lanes, len(panel.sentence_lines)
    sentence = "\n".join(panel.sentence_lines)
    if panel.title:
        _heading(axes, panel, panel.title, theme.text, lanes + 0.08 + LINE * lines)
        _heading(axes, panel, sentence, theme.text, lanes + 0.08, weight="bold")
    else:
        _heading(axes, panel, sentence, theme.secondary, lanes + 0.04, size=8.5)
    axes.set_facecolor("none")
    axes.set_ylabel(ylabel, color=theme.text, fontsize=9)
    axes.yaxis.set_label_coords(-(_LEFT - 0.18) / AXES_WIDTH, 0.5)
    axes.tick_params(colors=theme.text, length=0, labelsize=9)
    axes.grid(axis="x", color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(theme.grid)


def _heading(
    axes: Axes,
    panel: Panel,
    text: str,
    colour: str,
    above: float,
    *,
    weight: str = "normal",
    size: float = 9.5,
) -> None:
    axes.text(
        0,
        1 + above / panel.height,
        text,
        transform=axes.transAxes,
        color=colour,
        fontsize=size,
        fontweight=weight,
        verticalalignment="bottom",
    )


def set_span(axes: Axes, end: float) -> None:
    """Set the time axis to 0 to ``end`` seconds, with a margin for marks."""
    end = end or 1.0  # An empty run: any axis will do.
    axes.set_xlim(-_BEFORE * end, (1 + _AFTER) * end)


def inches_at(time: float, end: float) -> float:
    """Return how far a time is from the left end of the axis, in inches."""
    return (time / (end or 1.0) + _BEFORE) / (1 + _BEFORE + _AFTER) * AXES_WIDTH


def _columns(labels: Sequence[str]) -> int:
    """Return the number of columns in which all labels fit."""
    longest = max((text_width(label) for label in labels), default=0) * _LETTER + _LEGEND_KEY
    return max(1, min(_LEGEND_COLUMNS, len(labels), int((_WIDTH - 0.2) / longest)))


def add_legend(figure: Figure, keys: dict[str, Artist], theme: Theme) -> None:
    """Draw the legend below the panels; ``keys`` are symbols by label."""
    if keys:
        figure.legend(
            list(keys.values()),
            list(keys),
            loc="lower center",
            bbox_to_anchor=(0.5, 0),
            ncols=_columns(list(keys)),
            frameon=False,
            labelcolor=theme.text,
            fontsize=9,
            columnspacing=1.6,
            borderpad=0.2,
        )
