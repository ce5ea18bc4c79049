"""Round by round: every probe of a group has its turn, then the next round begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from benchmarks.groups import GROUPS, Pace
from benchmarks.rows import Row
from benchmarks.statistic import Figures

Results = dict[str, list[Figures]]
"""What every probe gave in every round, by ``group/probe``."""

Say = Callable[[str], None]


async def measure(rows: Sequence[Row], pace: Pace, say: Say) -> Results:
    """Measure all that the rows need, each probe once a round.

    Args:
        rows: What is wanted.
        pace: How long to look.
        say: Is told what is being done.

    Raises:
        LabError: A lab did not start, or something was not measured.
    """
    results: Results = defaultdict(list)
    for group, wanted in _by_group(rows).items():
        say(f"{group}: starting")
        async with GROUPS[group](pace) as probes:
            for number in range(1, pace.rounds + 1):
                for name, probe in probes.items():
                    if name in wanted:
                        say(f"{group}: round {number} of {pace.rounds}, {name}")
                        results[f"{group}/{name}"].append(await probe())
    return dict(results)


def _by_group(rows: Sequence[Row]) -> Mapping[str, set[str]]:
    """Return the probes that are needed, by group."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        wanted[row.group] |= row.probes()
    # In the order of the groups, which is that of the table.
    return {group: wanted[group] for group in GROUPS if group in wanted}
