"""The speed guard: each path costs at most a multiple of its baseline.

A bound is a ratio, not a time, because the machine may be slow or busy. It is about twice the ratio that
``make bench`` found, so only a loss that a user would notice fails, and only if it is measured twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from benchmarks import report
from benchmarks.groups import Pace
from benchmarks.rows import Row, select
from benchmarks.run import measure

BOUNDS = {"sync-1": 4.0, "accept-32": 2.5, "drain-10": 5.0}
PACE = Pace(rounds=2, seconds=0.4)


def only_first_floor(row: Row) -> Row:
    return replace(row, floors=row.floors[:1])


@pytest.mark.usefixtures("mark")
@pytest.mark.parametrize("name", BOUNDS)
def test_a_path_costs_at_most_a_multiple_of_its_baseline(name: str) -> None:
    (row,) = map(only_first_floor, select([name]))
    seen = []

    for _ in range(2):
        (result,) = report.results_of([row], asyncio.run(measure([row], PACE, lambda _: None)))
        (floor,) = result.floors
        if floor.cost.median <= BOUNDS[name]:
            return
        seen.append(f"{floor.cost.median:.2f} x {floor.label} ({row.unit.say(floor.value.median)})")

    pytest.fail(f"{name}: expected at most {BOUNDS[name]} x its floor, seen: {'; '.join(seen)}")
