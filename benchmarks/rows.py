"""The table, declared: what is measured, against which baselines and goals.

Goals and the figures of the real OpenFaaS are for two cores. The latter were
measured with OpenFaaS's own programs, written in Go, on a machine like the one
that the goals were set for. On another machine compare costs: a figure divided
by its baseline, both from one run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import BenchmarkError, Unit


@dataclass(frozen=True)
class Baseline:
    """What a path cannot do without.

    Attributes:
        label: Its name in the table.
        probes: The probes to add up, one or two.
    """

    label: str
    probes: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One path.

    Attributes:
        name: What ``--only`` selects it by.
        title: Its name in the table.
        group: The probes that it takes turns with; see ``groups.py``.
        probe: Its own probe.
        baselines: The first is the main one; the speed guard uses only it.
        unit: The figure of the probe that the table shows.
        also: A second figure to show.
        goal: An upper bound; for rates a lower one. None: no goal.
        real: The real OpenFaaS's figure, as text.
        real_cost: The real OpenFaaS's figure over its own baseline.
    """

    name: str
    title: str
    group: str
    probe: str
    baselines: tuple[Baseline, ...]
    unit: Unit
    also: Unit | None = None
    goal: float | None = None
    real: str = "-"
    real_cost: float | None = None

    def probes(self) -> set[str]:
        """Return the names of all probes that the row needs."""
        return {self.probe, *(probe for baseline in self.baselines for probe in baseline.probes)}


_MS, _RATE, _S, _MB = Unit.MILLISECONDS, Unit.PER_SECOND, Unit.SECONDS, Unit.MEGABYTES

_NATS = Baseline("nats-server alone", ("nats-server",))
_PYTHON = Baseline("Python alone", ("python",))


def _spawn(in_flight: int) -> Baseline:
    return Baseline("bare spawn", (f"spawn-{in_flight}",))


def _publish_ack(in_flight: int) -> Baseline:
    return Baseline("publish-ack", (f"publish-{in_flight}",))


def _accepting(in_flight: int) -> tuple[Baseline, ...]:
    null = f"http-{in_flight}"
    return (
        Baseline("publish-ack + null HTTP", (f"publish-{in_flight}", null)),
        _publish_ack(in_flight),
        Baseline("null HTTP", (null,)),
        Baseline("the lab's publisher", (f"publisher-{in_flight}",)),
    )


def _capturing(in_flight: int) -> tuple[Baseline, ...]:
    # The first answers a capture's own bytes and saves nothing; the second
    # answers an empty 202.
    return (
        Baseline("null HTTP, same answer", (f"null-{in_flight}",)),
        Baseline("null HTTP", (f"http-{in_flight}",)),
    )


# fmt: off
ROWS: tuple[Row, ...] = (
    Row("watchdog-1", "`cat` forked per call, watchdog alone, 1 connection",
        "forking", "watchdog-1", (_spawn(1),), _MS, also=_RATE, goal=1.0,
        real="1.25 ms, 760/s", real_cost=1.25 / 0.97),
    Row("watchdog-32", "`cat` forked per call, watchdog alone, 32 connections",
        "forking", "watchdog-32", (_spawn(32),), _RATE, goal=1800,
        real="1,440/s", real_cost=1620 / 1440),
    Row("sync-1", "sync `cat` through the gateway, 1 connection",
        "forking", "sync-1", (_spawn(1),), _MS, also=_RATE, goal=1.6,
        real="2.1-2.3 ms, 450/s", real_cost=2.2 / 0.97),
    Row("sync-32", "sync `cat` through the gateway, 32 connections",
        "forking", "sync-32", (_spawn(32),), _RATE, goal=1300,
        real="760-1,000/s", real_cost=1620 / 880),
    Row("sleep-sync", "10 x `sleep 1` in sequence through the gateway",
        "sleeping", "sequence", (Baseline("bare spawn", ("bare-sequence",)),), _S, goal=10.04,
        real="10.043-10.075 s", real_cost=10.059 / 10.025),
    Row("accept-1", "async accept, durable, 1 connection",
        "accepting", "accept-1", _accepting(1), _MS, also=_RATE, goal=0.40,
        real="0.75-0.88 ms, 970-1,300/s", real_cost=0.81 / (0.15 + 0.12)),
    Row("accept-32", "async accept, durable, 32 connections",
        "accepting", "accept-32", _accepting(32), _RATE, also=_MS, goal=15000,
        real="8,000-13,300/s", real_cost=1 / (1 / 36000 + 1 / 28000) / 10650),
    Row("capture-1", "capture by the inspector, saved, 1 connection",
        "capturing", "capture-1", _capturing(1), _MS, also=_RATE),
    Row("capture-32", "capture by the inspector, saved, 32 connections",
        "capturing", "capture-32", _capturing(32), _RATE, also=_MS),
    Row("fsync-1", "async accept, fsync before each 202, 1 connection",
        "syncing", "accept-1", (_publish_ack(1), Baseline("bare fsync", ("fsync",))), _MS, also=_RATE),
    Row("fsync-32", "async accept, fsync before each 202, 32 connections",
        "syncing", "accept-32", (_publish_ack(32), Baseline("bare fsync", ("fsync",))), _RATE, also=_MS,
        real="6.8 messages per fsync"),
    Row("drain-1", "drain of `cat`, max_inflight 1",
        "draining", "drain-1", (_spawn(1),), _RATE, goal=350,
        real="230/s", real_cost=1090 / 230),
    Row("drain-10", "drain of `cat`, max_inflight 10",
        "draining", "drain-10", (_spawn(10),), _RATE, goal=1100,
        real="660/s", real_cost=1940 / 660),
    Row("drain-100", "drain of `cat`, max_inflight 100",
        "draining", "drain-100", (_spawn(100),), _RATE, goal=1300,
        real="780/s", real_cost=2090 / 780),
    Row("sleep-async", "10 x `sleep 1` async, ten in flight",
        "sleeping", "together", (Baseline("bare spawn", ("bare-together",)),), _S, goal=1.03,
        real="1.02-1.06 s", real_cost=1.04 / 1.00),
    Row("cli-invoke", "10 x `faas-cli invoke --async` in a shell",
        "invoking", "invoke", (Baseline("10 x Python alone", ("python",)),), _S, goal=0.6, real="0.10 s"),
    Row("start", "stack start to first answered call, cold",
        "starting", "cold", (_PYTHON, _NATS), _MS, goal=300, real="66 ms"),
    Row("first-cell", "first cell of a notebook: import, start, reset, show the lab",
        "starting", "cell", (_PYTHON,), _MS, goal=500),
    Row("replica-start", "one more replica, until it takes calls",
        "scaling", "replica", (_PYTHON,), _MS, goal=50, real="4 ms"),
    Row("replica-memory", "one more replica, private memory",
        "scaling", "replica", (_PYTHON,), _MB, goal=15, real="11 MB"),
    Row("memory", "memory, whole stack idle",
        "starting", "cold", (_NATS,), _MB, goal=150, real="60 MB", real_cost=60 / 18),
)
# fmt: on


def select(wanted: Iterable[str], rows: Sequence[Row] = ROWS) -> tuple[Row, ...]:
    """Return the rows with these names or prefixes; all rows for none.

    Raises:
        BenchmarkError: A prefix matches no row.
    """
    names = [row.name for row in rows]
    chosen: set[str] = set()
    for word in wanted:
        matching = [word] if word in names else [name for name in names if name.startswith(word)]
        if not matching:
            raise BenchmarkError(f"there is no row {word!r}", expected=f"a prefix of: {', '.join(names)}")
        chosen.update(matching)
    return tuple(row for row in rows if not chosen or row.name in chosen)
