"""No path becomes slow unnoticed: each is held to a multiple of its floor, measured in turn with it.

Never to a time: the machine may be slow, or busy. A bound is about twice the cost that
``make bench`` found, so only a loss that a user would notice fails, and it
has to be seen twice.
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
def test_a_path_costs_no_more_than_so_many_times_its_floor(name: str) -> None:
    (row,) = map(only_first_floor, select([name]))
    seen = []

    for _ in range(2):
        (result,) = report.results_of([row], asyncio.run(measure([row], PACE, lambda _: None)))
        (floor,) = result.floors
        if floor.cost.median <= BOUNDS[name]:
            return
        seen.append(f"{floor.cost.median:.2f} x {floor.label} ({row.unit.say(floor.value.median)})")

    pytest.fail(f"{name}: expected at most {BOUNDS[name]} x its floor, seen: {'; '.join(seen)}")
