"""No path becomes slow unnoticed: each is compared with its baseline in the same run.

Ratios, not times: the machine may be slow or busy. A bound is about twice the
cost that ``make bench`` measured, so that only a loss that a user would notice
fails, and it has to occur twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from benchmarks import report
from benchmarks.groups import Pace, measure
from benchmarks.rows import Row, select

BOUNDS = {
    "sync-1": 4.0,
    "accept-1": 2.7,
    "accept-32": 2.1,
    "capture-32": 5.0,
    "fsync-32": 2.4,
    "drain-10": 4.5,
    "drain-100": 3.8,
    "cli-invoke": 3.5,
    "start": 14.0,
    "first-cell": 25.0,
}
PACE = Pace(rounds=2, seconds=0.4)


def only_first_baseline(row: Row) -> Row:
    return replace(row, baselines=row.baselines[:1])


@pytest.mark.usefixtures("mark")
@pytest.mark.parametrize("name", BOUNDS)
def test_the_cost_of_a_path_over_its_baseline_is_bounded(name: str) -> None:
    (row,) = map(only_first_baseline, select([name]))
    seen = []

    for _ in range(2):
        (result,) = report.results_of([row], asyncio.run(measure([row], PACE, lambda _: None)))
        (baseline,) = result.baselines
        if baseline.cost.median <= BOUNDS[name]:
            return
        seen.append(
            f"{baseline.cost.median:.2f} x {baseline.label} ({row.unit.format(baseline.value.median)})"
        )

    pytest.fail(f"{name}: expected at most {BOUNDS[name]} x its baseline, seen: {'; '.join(seen)}")
