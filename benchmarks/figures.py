"""Figures of many rounds: units, spreads, costs, verdicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from labkit_services.contract.errors import LabError

Figures = dict[str, float]
"""One round of one probe: numbers by the values of ``Unit``, and others for the JSON file."""

CPU = "cpu_us "
"""Prefix of a service's name: microseconds of CPU that it used per call."""


class BenchmarkError(LabError):
    """A figure could not be measured."""


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

    def format(self, value: float) -> str:
        """Return the significant digits: ``1.06 ms``, ``10.031 s``, ``1,440/s``."""
        match self:
            case Unit.MILLISECONDS:
                return f"{value:,.0f} ms" if value >= 20 else f"{value:.2f} ms"
            case Unit.SECONDS:
                return f"{value:.3f} s"
            case Unit.PER_SECOND:
                step = int(10 ** max(0, len(str(int(value))) - 3))
                return f"{round(value / step) * step:,}/s"
            case Unit.MEGABYTES:
                return f"{value:.0f} MB" if value >= 20 else f"{value:.1f} MB"


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest value of several rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise one or more values."""
        return cls(median(values), min(values), max(values))

    def format(self, unit: Unit) -> str:
        """Return ``1.06 ms (0.98-1.31)``."""
        low, high = (unit.format(value).rstrip("/msMB ") for value in (self.low, self.high))
        return f"{unit.format(self.median)} ({low}-{high})"


def sum_of(one: Sequence[float], other: Sequence[float], unit: Unit) -> list[float]:
    """Return the cost of two baselines in sequence, for each round.

    Times and memory add up. For rates, the times per call add up.
    """
    if unit.more_is_better:
        return [1 / (1 / a + 1 / b) for a, b in zip(one, other, strict=True)]
    return [a + b for a, b in zip(one, other, strict=True)]


def cost(path: Sequence[float], baseline: Sequence[float], unit: Unit) -> Spread:
    """Return the path's cost as a multiple of the baseline's.

    Each ratio is taken within one round, whose parts ran on the same machine
    under the same load, so that the load cancels out.
    """
    pairs = zip(baseline, path, strict=True) if unit.more_is_better else zip(path, baseline, strict=True)
    return Spread.of([above / below for above, below in pairs])


def verdict(measured: float, goal: float, unit: Unit) -> str:
    """Return ``met``, or by how much the goal is missed."""
    if unit.more_is_better:
        return "met" if measured >= goal else f"{1 - measured / goal:.0%} short"
    if measured <= goal:
        return "met"
    if unit is Unit.SECONDS:
        # Most of the time is sleep: a percentage would mean nothing.
        return f"{(measured - goal) * 1e3:.0f} ms over"
    return f"{measured / goal - 1:.0%} over" if measured < 2 * goal else f"{measured / goal:.1f} x the goal"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
