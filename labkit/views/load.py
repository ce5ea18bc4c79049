"""What a run asked of its workers, and what queueing theory expects.

Theory: M/M/k, in Kendall's notation: Poisson arrivals, exponentially
distributed work, k slots, one queue in order of arrival.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean

from labkit.language import translated
from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.tables import html_table, text_table


def burst_seconds(calls: int, slots: int, work: float) -> float:
    """Return when the last of calls that came together is done."""
    return math.ceil(calls / slots) * work


def mean_wait(utilisation: float, slots: int, work: float) -> float:
    """Return the mean wait in the queue of M/M/k, in seconds (Erlang C).

    It is infinite from a utilisation of 1 on.
    """
    if utilisation >= 1:
        return math.inf
    offered = utilisation * slots
    blocking = 1.0  # Erlang B, by recursion: no factorials that overflow
    for number in range(1, slots + 1):
        blocking = offered * blocking / (number + offered * blocking)
    waits = blocking / (1 - utilisation * (1 - blocking))
    return waits * work / (slots * (1 - utilisation))


@dataclass(frozen=True)
class RunLoad:
    """The load of one run, from its calls.

    Attributes:
        slots: Calls that the workers run at once, all together.
        rate: Calls per second that arrived.
        work: Mean of the seconds that the function worked on a call.
        wait: Mean of the seconds that a call waited in the queue.
    """

    slots: int
    rate: float
    work: float
    wait: float

    @classmethod
    def of(cls, run: Measurement, slots: int) -> RunLoad:
        """Return the load of an asynchronous run; 0 for what is unknown."""
        queued = sorted(call.queued for call in run.calls if call.queued is not None)
        seconds = (queued[-1] - run.started_ns) / 1e9 if queued else 0.0
        rate = len(queued) / seconds if seconds > 0 else 0.0
        works = [call.ran for call in run.calls if call.ran is not None]
        waits = [call.waited_in_queue for call in run.calls if call.waited_in_queue is not None]
        return cls(slots, rate, fmean(works) if works else 0.0, fmean(waits) if waits else 0.0)

    @property
    def utilisation(self) -> float:
        """Work that arrives per second, divided by the slots."""
        return self.rate * self.work / self.slots

    @property
    def expected_wait(self) -> float:
        """The wait that M/M/k expects at this utilisation."""
        return mean_wait(self.utilisation, self.slots, self.work)

    def _rows(self) -> list[tuple[str, str]]:
        expected = self.expected_wait
        rows = [
            ("load", "measured"),
            ("slots", str(self.slots)),
            ("calls arrived per second", f"{self.rate:.1f}"),
            ("a call worked for (mean)", format_seconds(self.work)),
            ("utilisation", f"{self.utilisation:.2f}"),
            ("a call waited for (mean)", format_seconds(self.wait)),
            ("M/M/k expects a wait of", "no limit" if math.isinf(expected) else format_seconds(expected)),
        ]
        return [(translated(name), translated(value)) for name, value in rows]

    def __repr__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())
