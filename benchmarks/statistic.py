"""What many rounds add up to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

Figures = dict[str, float]
"""What one round of one probe gave: numbers by the names in ``Unit``, and others for the record."""

CPU = "cpu_us "
"""Before the name of a part of the lab: how many microseconds of CPU it used for a call."""


class Unit(Enum):
    """What a figure counts; the value is its key in ``Figures``."""

    MILLISECONDS = "ms"
    SECONDS = "seconds"
    PER_SECOND = "per_second"
    MEGABYTES = "megabytes"

    @property
    def more_is_better(self) -> bool:
        """Whether a larger figure is the better one."""
        return self is Unit.PER_SECOND

    def say(self, value: float) -> str:
        """Write a value with the digits that can be trusted: ``1.06 ms``, ``10.03 s``, ``1,440/s``."""
        match self:
            case Unit.MILLISECONDS:
                return f"{value:,.0f} ms" if value >= 20 else f"{value:.2f} ms"
            case Unit.SECONDS:
                return f"{value:.3f} s"
            case Unit.PER_SECOND:
                return f"{_three_digits(value):,}/s"
            case Unit.MEGABYTES:
                return f"{value:.0f} MB" if value >= 20 else f"{value:.1f} MB"


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of several rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise one or more values."""
        return cls(median(values), min(values), max(values))

    def say(self, unit: Unit) -> str:
        """Write it as ``1.06 ms (0.98-1.31)``."""
        low, high = (unit.say(value).rstrip("/msMB ") for value in (self.low, self.high))
        return f"{unit.say(self.median)} ({low}-{high})"


def both(one: Sequence[float], other: Sequence[float], unit: Unit) -> list[float]:
    """Return what two floors cost one after the other, round by round.

    Times and memory add up; of rates the times that they stand for do.
    """
    if unit.more_is_better:
        return [1 / (1 / a + 1 / b) for a, b in zip(one, other, strict=True)]
    return [a + b for a, b in zip(one, other, strict=True)]


def cost(path: Sequence[float], floor: Sequence[float], unit: Unit) -> Spread:
    """Return how many times the floor's cost the path's is; 1 is as good as the floor.

    Ratios are taken within a round, whose parts met the same machine: what
    else it was doing falls out of them.
    """
    pairs = zip(floor, path, strict=True) if unit.more_is_better else zip(path, floor, strict=True)
    return Spread.of([above / below for above, below in pairs])


def verdict(measured: float, goal: float, unit: Unit) -> str:
    """Say whether a goal is met, or by how much it is not."""
    if unit.more_is_better:
        return "met" if measured >= goal else f"{1 - measured / goal:.0%} short"
    if measured <= goal:
        return "met"
    if unit is Unit.SECONDS:
        # Most of it is sleep, of which a share would say nothing.
        return f"{(measured - goal) * 1e3:.0f} ms over"
    return f"{measured / goal - 1:.0%} over" if measured < 2 * goal else f"{measured / goal:.1f} x the goal"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _three_digits(value: float) -> int:
    unit = int(10 ** max(0, len(str(int(value))) - 3))
    return round(value / unit) * unit
