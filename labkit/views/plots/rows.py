"""What a timeline of a run shows: bars and marks in rows, without a form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labkit.views.formatting import format_seconds
from labkit.views.measurement import Measurement
from labkit.views.plots.style import BARS, Mark
from labkit.views.words import ViewWords
from labkit_services.call_record.log import CallState
from labkit_services.call_record.spans import Kind, spans

MOST_ROWS = 100
"""With more calls, several share a row."""
_FAILED = (CallState.FAILED, CallState.DEAD, CallState.CANCELLED)
_GROUPS = (1, 2, 5)


@dataclass(frozen=True)
class Period:
    """A bar, in seconds since the run's start; rows from 0."""

    start: float
    end: float
    row: int
    is_open: bool = False


@dataclass(frozen=True)
class RunRows:
    """The bars and marks of a run.

    Attributes:
        calls: Number of calls.
        per_row: Consecutive calls that share a row. Their bars of one kind
            are merged where they overlap: at least one of them is in that
            state.
        marks: Seconds since the run's start and row.
        leases: The waits for redelivery of all calls, not merged.
    """

    calls: int
    per_row: int
    bars: dict[Kind, list[Period]]
    marks: dict[Mark, list[tuple[float, int]]]
    leases: list[Period]

    @property
    def count(self) -> int:
        """Number of rows."""
        return -(-self.calls // self.per_row)

    @classmethod
    def of(cls, run: Measurement) -> RunRows:
        """Return the rows of a run; open bars reach to its end."""
        per_row = calls_per_row(len(run.calls))
        bars: dict[Kind, list[Period]] = defaultdict(list)
        marks: dict[Mark, list[tuple[float, int]]] = defaultdict(list)
        for number, call in enumerate(run.calls):
            row = number // per_row
            for span in spans(call):
                if span.kind in BARS:
                    end = max(run.finished_ns, span.start_ns) if span.end_ns is None else span.end_ns
                    times = run.seconds_at(span.start_ns), run.seconds_at(end)
                    bars[span.kind].append(Period(*times, row, span.end_ns is None))
            if call.released is not None and not call.client_error:
                marks[Mark.ANSWERED].append((run.seconds_at(call.released), row))
            if call.state in _FAILED and call.ended is not None:
                marks[Mark.FAILED].append((run.seconds_at(call.ended), row))
        # Without a duration: nothing told of the loss.
        leases = [lease for lease in bars.get(Kind.LEASE, []) if lease.end > lease.start]
        if per_row > 1:
            bars = {kind: merged(found) for kind, found in bars.items()}
            marks = {mark: _latest(found) for mark, found in marks.items()}
        return cls(len(run.calls), per_row, dict(bars), dict(marks), leases)

    def told_leases(self, words: ViewWords) -> str:
        """Return how long lost attempts waited for redelivery, as a clause."""
        waits = [lease.end - lease.start for lease in self.leases if not lease.is_open]
        clauses = []
        if waits:
            longest = format_seconds(max(waits))
            clauses.append(words.text("plot.leases", n=len(waits), time=longest))
        if left := len(self.leases) - len(waits):
            clauses.append(words.text("plot.leases.open", n=left))
        return words.joined(*clauses)


def calls_per_row(calls: int) -> int:
    """Return the smallest round number that gives ``MOST_ROWS`` at most."""
    power = 1
    while True:
        for step in _GROUPS:
            if calls <= MOST_ROWS * step * power:
                return step * power
        power *= 10


def merged(periods: Iterable[Period]) -> list[Period]:
    """Return the periods with those of one row that overlap joined."""
    found: list[Period] = []
    for period in sorted(periods, key=lambda each: (each.row, each.start)):
        last = found[-1] if found else None
        if last is not None and last.row == period.row and period.start <= last.end:
            found[-1] = Period(
                last.start, max(last.end, period.end), last.row, last.is_open or period.is_open
            )
        else:
            found.append(period)
    return found


def _latest(places: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the last mark of each row."""
    last: dict[int, float] = {}
    for time, row in places:
        last[row] = max(time, last.get(row, time))
    return [(time, row) for row, time in last.items()]
