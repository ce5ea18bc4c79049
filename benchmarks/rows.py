"""The table, declared: what is measured, against which floors, with which goal.

Goals and the real OpenFaaS's figures are for two cores; the latter were
measured with OpenFaaS's own programs, in Go, on a machine like the one that the
goals were set for. On another machine compare the costs: a figure over its
floor, both of one machine and one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.failure import BenchmarkError
from benchmarks.statistic import Unit


@dataclass(frozen=True)
class Floor:
    """What a path can't do without.

    Attributes:
        label: What the table calls it.
        probes: Its probe; two of them when the path has to do both.
    """

    label: str
    probes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One path.

    Attributes:
        name: What ``--only`` selects it by.
        title: What the table calls it.
        group: The probes that take turns with its own; see ``groups.py``.
        probe: Its own.
        floors: The first is the one that the plot shows.
        unit: In which figure of the probe it is told.
        also: Another figure to tell.
        goal: At most so much, or of rates at least; None where there is none.
        real: The real OpenFaaS's figure, as text.
        real_middle: And as a number, in ``unit``; None if it was measured otherwise.
        real_cost: Its figure over its own floor, where that was measured beside it.
    """

    name: str
    title: str
    group: str
    probe: str
    floors: tuple[Floor, ...]
    unit: Unit
    also: Unit | None = None
    goal: float | None = None
    real: str = "-"
    real_middle: float | None = None
    real_cost: float | None = None

    def probes(self) -> set[str]:
        """Return all that must be measured for it."""
        return {self.probe, *(probe for floor in self.floors for probe in floor.probes)}


_MS, _RATE, _S, _MB = Unit.MILLISECONDS, Unit.PER_SECOND, Unit.SECONDS, Unit.MEGABYTES


_NATS = Floor("nats-server alone", ("nats-server",))
_PYTHON = Floor("Python alone", ("python",))


def _spawn(in_flight: int) -> Floor:
    return Floor("bare spawn", (f"spawn-{in_flight}",))


def _publish_ack(in_flight: int) -> Floor:
    return Floor("publish-ack", (f"publish-{in_flight}",))


def _accepting(in_flight: int) -> tuple[Floor, ...]:
    null = f"http-{in_flight}"
    return (
        Floor("publish-ack + null HTTP", (f"publish-{in_flight}", null)),
        _publish_ack(in_flight),
        Floor("null HTTP", (null,)),
        Floor("the lab's publisher", (f"publisher-{in_flight}",)),
    )


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("watchdog-1", "`cat` forked per call, watchdog alone, 1 connection",
        "forking", "watchdog-1", (_spawn(1),), _MS, also=_RATE, goal=1.0,
        real="1.25 ms, 760/s", real_middle=1.25, real_cost=1.25 / 0.97),
    Row("watchdog-32", "`cat` forked per call, watchdog alone, 32 connections",
        "forking", "watchdog-32", (_spawn(32),), _RATE, goal=1800,
        real="1,440/s", real_middle=1440, real_cost=1620 / 1440),
    Row("sync-1", "sync `cat` through the gateway, 1 connection",
        "forking", "sync-1", (_spawn(1),), _MS, also=_RATE, goal=1.6,
        real="2.1-2.3 ms, 450/s", real_middle=2.2, real_cost=2.2 / 0.97),
    Row("sync-32", "sync `cat` through the gateway, 32 connections",
        "forking", "sync-32", (_spawn(32),), _RATE, goal=1300,
        real="760-1,000/s", real_middle=880, real_cost=1620 / 880),
    Row("sleep-sync", "10 x `sleep 1` in sequence through the gateway",
        "sleeping", "sequence", (Floor("bare spawn", ("bare-sequence",)),), _S, goal=10.04,
        real="10.043-10.075 s", real_middle=10.059, real_cost=10.059 / 10.025),
    Row("accept-1", "async accept, durable, 1 connection",
        "accepting", "accept-1", _accepting(1), _MS, also=_RATE, goal=0.40,
        real="0.75-0.88 ms, 970-1,300/s", real_middle=0.81, real_cost=0.81 / (0.15 + 0.12)),
    Row("accept-32", "async accept, durable, 32 connections",
        "accepting", "accept-32", _accepting(32), _RATE, also=_MS, goal=15000,
        real="8,000-13,300/s", real_middle=10650, real_cost=1 / (1 / 36000 + 1 / 28000) / 10650),
    Row("fsync-1", "async accept, fsync before each 202, 1 connection",
        "syncing", "accept-1", (_publish_ack(1), Floor("bare fsync", ("fsync",))), _MS, also=_RATE),
    Row("fsync-32", "async accept, fsync before each 202, 32 connections",
        "syncing", "accept-32", (_publish_ack(32), Floor("bare fsync", ("fsync",))), _RATE, also=_MS,
        real="6.8 messages per fsync"),
    Row("drain-1", "drain of `cat`, max_inflight 1",
        "draining", "drain-1", (_spawn(1),), _RATE, goal=350,
        real="230/s", real_middle=230, real_cost=1090 / 230),
    Row("drain-10", "drain of `cat`, max_inflight 10",
        "draining", "drain-10", (_spawn(10),), _RATE, goal=1100,
        real="660/s", real_middle=660, real_cost=1940 / 660),
    Row("drain-100", "drain of `cat`, max_inflight 100",
        "draining", "drain-100", (_spawn(100),), _RATE, goal=1300,
        real="780/s", real_middle=780, real_cost=2090 / 780),
    Row("sleep-async", "10 x `sleep 1` async, ten in flight",
        "sleeping", "together", (Floor("bare spawn", ("bare-together",)),), _S, goal=1.03,
        real="1.02-1.06 s", real_middle=1.04, real_cost=1.04 / 1.00),
    Row("start", "stack start to first answered call, cold",
        "starting", "cold", (_NATS, _PYTHON), _MS, goal=500, real="66 ms", real_middle=66),
    Row("replica-start", "one more replica, until it takes calls",
        "scaling", "replica", (_PYTHON,), _MS, goal=50, real="4 ms", real_middle=4),
    Row("replica-memory", "one more replica, private memory",
        "scaling", "replica", (_PYTHON,), _MB, goal=15, real="11 MB", real_middle=11),
    Row("memory", "memory, whole stack idle",
        "starting", "cold", (_NATS,), _MB, goal=150, real="60 MB", real_middle=60, real_cost=60 / 18),
)
# fmt: on


def select(wanted: Iterable[str], rows: Sequence[Row] = ROWS) -> tuple[Row, ...]:
    """Return the rows of these names, or that begin with these words; all for none.

    Raises:
        BenchmarkError: A word fits no row.
    """
    names = [row.name for row in rows]
    chosen: set[str] = set()
    for word in wanted:
        fitting = [word] if word in names else [name for name in names if name.startswith(word)]
        if not fitting:
            raise BenchmarkError(
                f"there is no row {word!r}", expected=f"the beginning of: {', '.join(names)}"
            )
        chosen.update(fitting)
    return tuple(row for row in rows if not chosen or row.name in chosen)
