"""What must not grow without bound: memory, open files, processes, files on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median

import psutil

MIB = 1024 * 1024

BOUNDS = {"memory": 16.0 * MIB, "open files": 64.0, "processes": 8.0, "files": 64.0}
"""How much of each may be added over the second half of a run, by the trend."""

NATS_MEMORY = 64.0 * MIB
"""nats-server keeps an index of what streams hold, caches blocks, and collects garbage when it likes: of
three nodes in one run one went up by 39 MiB while another went down by 11. The soak looks closer.
"""

_SLICES = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one thing.

    Attributes:
        at: Seconds since the start.
        what: ``memory``, ``open files``, ``processes``, ``files``.
        owner: Whose it is: a service, or "" for all together.
        value: Bytes, or how many.
    """

    at: float
    what: str
    owner: str
    value: float


def trend(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the least-squares line through (x, y) points, per unit of x."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How a thing did in the second half of a run."""

    what: str
    owner: str
    first: float
    last: float
    added: float
    """By the trend, over that half."""

    @property
    def is_bounded(self) -> bool:
        """Whether it is as it should be."""
        is_nats = self.what == "memory" and self.owner.startswith("nats")
        return self.added <= (NATS_MEMORY if is_nats else BOUNDS[self.what])

    def __str__(self) -> str:
        """Say it in a few words."""
        unit, name = (MIB, " MiB") if self.what == "memory" else (1, "")
        who = f"{self.owner}: " if self.owner else ""
        return (
            f"{who}{self.what} {self.first / unit:.1f} → {self.last / unit:.1f}{name}, "
            f"trend {self.added / unit:+.1f}{name}"
        )


def growths(samples: Iterable[Sample], seconds: float) -> list[Growth]:
    """Return the growth of each thing over the second half of ``seconds``.

    Each tenth of that half counts once. Of memory, by its peak: a service that was just started again has
    little, and how often that happens is the schedule's. Of what is counted, by its median: a burst of
    connections, a hundred callbacks to a target that hangs, is load; a leak is there all the time.
    """
    half = seconds / 2

    def key(sample: Sample) -> tuple[str, str]:
        return sample.what, sample.owner

    found = []
    for (what, owner), group in groupby(sorted(samples, key=key), key):
        later = [(sample.at, sample.value) for sample in group if sample.at >= half]
        if later:
            typical = max if what == "memory" else median
            added = trend(_slices(later, typical)) * (later[-1][0] - later[0][0])
            found.append(Growth(what, owner, later[0][1], later[-1][1], added))
    return found


def _slices(
    points: Sequence[tuple[float, float]], typical: Callable[[list[float]], float]
) -> list[tuple[float, float]]:
    """Return what is typical of each slice of points that are in order of x, at the slice's middle."""
    size = -(-len(points) // _SLICES)
    slices = [points[start : start + size] for start in range(0, len(points), size)]
    return [(part[len(part) // 2][0], typical([y for _, y in part])) for part in slices]


@dataclass
class Sampler:
    """Looks at the processes of a stack."""

    folder: Path
    samples: list[Sample] = field(default_factory=list)

    def look(self, at: float, pids: dict[str, int], watchdogs: Sequence[int]) -> None:
        """Note memory and open files of each service, and how many processes and files there are."""
        for owner, pid in pids.items():
            with suppress(psutil.Error):  # killed at this moment
                process = psutil.Process(pid)
                self._note(at, "memory", owner, own_memory(process))
                self._note(at, "open files", owner, process.num_fds())
        largest = 0
        for pid in watchdogs:
            with suppress(psutil.Error):
                largest = max(largest, own_memory(psutil.Process(pid)))
        if largest:
            self._note(at, "memory", "largest watchdog", largest)
        # All of it is below this process: who loses its parent is adopted by the supervisor.
        self._note(at, "processes", "", len(psutil.Process().children(recursive=True)))
        # os.walk, because folders go away meanwhile: rglob would raise.
        self._note(at, "files", "", sum(len(names) for _, _, names in os.walk(self.folder)))

    def _note(self, at: float, what: str, owner: str, value: float) -> None:
        self.samples.append(Sample(at, what, owner, value))

    def memory(self) -> dict[str, float]:
        """Return the last known memory of each service, in MiB."""
        return {one.owner: one.value / MIB for one in self.samples if one.what == "memory"}


def own_memory(process: psutil.Process) -> int:
    """Return the bytes that would be free if the process ended (USS), without what it shares with others."""
    return int(process.memory_full_info().uss)
