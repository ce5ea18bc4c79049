"""Random traffic, and what queueing theory says of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.lab.arguments import checked
from labkit.views.load import RunLoad
from labkit.views.measurement import Measurement
from labkit.views.traffic import Traffic
from labkit.views.words import words_in_use

if TYPE_CHECKING:
    from labkit.views.plots import Picture


class LabLoad:
    """Random traffic, and what queueing theory says of a run."""

    @checked
    def traffic(self, *, rate: float, work: float, calls: int, seed: int = 1) -> Traffic:
        """Return random traffic for ``measure(…, traffic=…)``.

        Each call's body is the number of seconds that it is meant to work.

        Args:
            rate: Calls per second, on average.
            work: Seconds of work per call, on average.
            calls: How many.
            seed: The same one gives the same traffic.

        Raises:
            InvalidValueError: A number is out of range.
        """
        return Traffic.poisson(rate, work, calls, seed)

    @checked
    def load(self, run: Measurement, *, slots: int = 1) -> RunLoad:
        """Return what a run asked of its workers, and what its calls waited.

        Args:
            run: An asynchronous run.
            slots: Calls that the workers ran at once, all together.
        """
        return RunLoad.of(run, max(1, slots))

    @checked
    def plot_rounds(self, runs: Mapping[int, Measurement]) -> Picture:
        """Draw when bursts were done, by calls at once, over the formula."""
        from labkit.views.plots import plot_rounds

        return plot_rounds(runs, words_in_use())

    @checked
    def plot_waiting(self, runs: Mapping[int, Sequence[Measurement]]) -> Picture:
        """Draw mean waits of runs, by calls at once, over M/M/k's curves."""
        from labkit.views.plots import plot_waiting

        return plot_waiting(runs, words_in_use())
