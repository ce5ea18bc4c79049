"""Faults and predictions over the calls: bands, lines and their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.views.faults import fault_text
from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.plots.frame import AXES_WIDTH, LINE, inches_at
from labkit.views.plots.lettering import text_width
from labkit.views.plots.style import Theme
from labkit.views.words import ViewWords
from labkit_services.call_record.fault_spans import FaultSpan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

MOST_LANES = 3
_MOST_TOLD = 5
"""Faults that a description tells one by one."""
_LETTER = 0.067  # mean width of a letter in inches, at 8 points
_APART = 0.1  # inches between two labels of a lane
_STEM = 0.04  # inches between a stem and a text


@dataclass(frozen=True)
class Label:
    """A text above a panel, at a time.

    Attributes:
        is_first: Whether it is placed even if others lose their room.
    """

    at: float
    text: str
    is_first: bool = False


@dataclass(frozen=True)
class PlacedLabel:
    """A label and its room.

    Attributes:
        stem: Where its time is, in inches from the left.
        left: Where its text begins; ``right``: where it ends.
        lane: 0 is next to the panel. The stem crosses all lanes below.
    """

    label: Label
    stem: float
    left: float
    right: float
    lane: int

    def hits(self, other: PlacedLabel) -> bool:
        """Tell whether one of the two is written over the other."""
        if self.lane == other.lane:
            return self.left < other.right + _APART and other.left < self.right + _APART
        high, low = (self, other) if self.lane > other.lane else (other, self)
        return low.left - _STEM / 2 < high.stem < low.right + _STEM


@dataclass(frozen=True)
class FaultBand:
    """A fault as far as it lies within the axis, in seconds."""

    fault: FaultSpan
    start: float
    end: float

    def text(self, words: ViewWords) -> str:
        """Return the fault's name and duration."""
        return fault_text(self.fault, words)

    def label(self, words: ViewWords) -> Label:
        """Return its label."""
        return Label(self.start, self.text(words))


def fault_bands(run: Measurement, end: float) -> list[FaultBand]:
    """Return the run's faults, cut to the axis from 0 to ``end``."""
    found = []
    for fault in sorted(run.faults, key=lambda fault: fault.began):
        begin = run.seconds_at(fault.began)
        over = end if fault.ended is None else run.seconds_at(fault.ended)
        if over >= 0 and begin <= end:
            found.append(FaultBand(fault, max(0.0, begin), min(end, over)))
    return found


def told_faults(run: Measurement, words: ViewWords) -> str:
    """Return the run's faults as clauses; "" if there was none."""
    told = []
    for fault in sorted(run.faults, key=lambda fault: fault.began)[:_MOST_TOLD]:
        begin, text = run.seconds_at(fault.began), fault_text(fault, words)
        key = "plot.fault.before" if begin < 0 else "plot.fault.at"
        told.append(words.text(key, fault=text, begin=format_seconds(begin)))
    if left := len(run.faults) - len(told):
        told.append(words.text("plot.faults.more", n=left))
    return words.text("join.notes").join(told)


def placed(labels: Sequence[Label], end: float) -> list[PlacedLabel]:
    """Return the labels that have room, each in the lowest lane that is free.

    Args:
        labels: In any order.
        end: Seconds at the right end of the axis, which begins at 0.
    """
    # From the right: a stem then stands to the left of the texts below it.
    ordered = sorted(labels, key=lambda label: -label.at)
    found = _placed(ordered, end)
    if all(label in (each.label for each in found) for label in labels if label.is_first):
        return found
    return _placed(sorted(ordered, key=lambda label: not label.is_first), end)


def _placed(labels: Sequence[Label], end: float) -> list[PlacedLabel]:
    found: list[PlacedLabel] = []
    for label in labels:
        stem, width = inches_at(label.at, end), text_width(label.text) * _LETTER
        left = stem + _STEM
        if left + width > AXES_WIDTH + 0.1:
            left = max(0.0, stem - _STEM - width)
        for lane in range(MOST_LANES):
            candidate = PlacedLabel(label, stem, left, left + width, lane)
            if not any(candidate.hits(each) for each in found):
                found.append(candidate)
                break
    return found


def with_left_out(sentence: str, left_out: int, words: ViewWords) -> str:
    """Return a heading that tells of the faults without a label."""
    more = words.text("plot.faults.more", n=left_out)
    return words.text("join.notes").join([sentence, more]) if left_out else sentence


def lanes_of(labels: Sequence[PlacedLabel]) -> int:
    """Return how many lanes the labels take."""
    return max((each.lane + 1 for each in labels), default=0)


def draw_labels(axes: Axes, labels: Sequence[PlacedLabel], height: float, theme: Theme) -> None:
    """Write labels above a panel of ``height`` inches."""
    for each in labels:
        above = 0.05 + LINE * each.lane
        is_left = each.left < each.stem
        axes.text(
            (each.right if is_left else each.left) / AXES_WIDTH,
            1 + above / height,
            each.label.text,
            transform=axes.transAxes,
            color=theme.text,
            fontsize=8,
            horizontalalignment="right" if is_left else "left",
            verticalalignment="bottom",
        )
        # A stem leads from the label to what it is about.
        axes.plot(
            [each.label.at] * 2,
            [1, 1 + (above + 0.13) / height],
            transform=axes.get_xaxis_transform(),
            color=theme.secondary,
            linewidth=0.8,
            clip_on=False,
            gid="stem",
        )


def draw_bands(axes: Axes, bands: Sequence[FaultBand], theme: Theme) -> None:
    """Draw faults behind all else."""
    for band in bands:
        axes.axvspan(band.start, band.end, **band_properties(theme), gid="fault")
        # However short it was, its beginning is to be seen.
        axes.axvline(band.start, color=theme.fault, linewidth=1.1, linestyle="-.", zorder=0.6)


def band_properties(theme: Theme) -> dict[str, Any]:
    """Return matplotlib's properties of a band."""
    return {"facecolor": (theme.fault, 0.2), "edgecolor": (theme.fault, 0.0), "linewidth": 0, "zorder": 0.5}


def band_key(theme: Theme) -> Patch:
    """Return a band's symbol in a legend."""
    from matplotlib.patches import Patch

    edge = {"edgecolor": theme.fault, "linewidth": 0.8, "linestyle": "-."}
    return Patch(**(band_properties(theme) | edge))


def line_properties(theme: Theme) -> dict[str, Any]:
    """Return those of a prediction's line."""
    return {"color": theme.text, "linestyle": (0, (5, 3)), "linewidth": 1.6}


@dataclass(frozen=True)
class PredictedWait:
    """What a learner predicted for the caller's wait, or for the run's end.

    Attributes:
        compared: Returns how far it was off in words of a language, or "".
        is_end: Whether it is about the moment when the last call was done.
    """

    seconds: float
    compared: Callable[[str], str] = lambda _: ""
    is_end: bool = False


def prediction_label(seconds: float, end: float, words: ViewWords) -> Label:
    """Return the label of a prediction, which may lie outside the axis."""
    is_inside = seconds <= end
    key = "plot.predicted.line" if is_inside else "plot.predicted.outside"
    return Label(min(seconds, end), words.text(key, time=f"{seconds:g} s"), is_first=True)


def predicted_text(clause: str, line: PredictedWait, words: ViewWords) -> str:
    """Return the clause of what was predicted, with the prediction."""
    compared = line.compared(words.language)
    key = "plot.predicted.compared" if compared else "plot.predicted.told"
    return words.text(key, clause=clause, time=f"{line.seconds:g} s", compared=compared)
