"""Growth of memory, open files, processes and files during a run."""

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
"""The most that the trend may add over the second half of a run."""

NATS_MEMORY = 64.0 * MIB
"""nats-server indexes its streams, caches blocks, and collects garbage.

In one run, one of three nodes grew by 39 MiB while another shrank by 11. The soak is the closer check.
"""

_SLICES = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        at: Seconds since the start.
        what: ``memory``, ``open files``, ``processes``, ``files``.
        owner: A service, or "" for all together.
        value: Bytes, or a number.
    """

    at: float
    what: str
    owner: str
    value: float


def trend(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the least-squares line through the points."""
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of one quantity in the second half of a run."""

    what: str
    owner: str
    first: float
    last: float
    added: float
    """Slope of the trend times the length of that half."""

    @property
    def is_bounded(self) -> bool:
        """Whether the growth is within its bound."""
        is_nats = self.what == "memory" and self.owner.startswith("nats")
        return self.added <= (NATS_MEMORY if is_nats else BOUNDS[self.what])

    def __str__(self) -> str:
        """Return a line for the report."""
        unit, name = (MIB, " MiB") if self.what == "memory" else (1, "")
        who = f"{self.owner}: " if self.owner else ""
        return (
            f"{who}{self.what} {self.first / unit:.1f} → {self.last / unit:.1f}{name}, "
            f"trend {self.added / unit:+.1f}{name}"
        )


def growths(samples: Iterable[Sample], seconds: float) -> list[Growth]:
    """Return the growth of each quantity over the second half of ``seconds``.

    Each tenth of that half is one point. For memory it is the peak: a restarted service has little, and the
    schedule decides how often that happens. For counts it is the median: a burst of connections, such as a
    hundred callbacks to a target that hangs, is load, while a leak is permanent.
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
    """Return a typical value of each slice of points in order of x."""
    size = -(-len(points) // _SLICES)
    slices = [points[start : start + size] for start in range(0, len(points), size)]
    return [(part[len(part) // 2][0], typical([y for _, y in part])) for part in slices]


@dataclass
class Sampler:
    """Measure the processes of a stack."""

    folder: Path
    samples: list[Sample] = field(default_factory=list)

    def look(self, at: float, pids: dict[str, int], watchdogs: Sequence[int]) -> None:
        """Measure each service, and the number of processes and files."""
        for owner, pid in pids.items():
            with suppress(psutil.Error):  # killed meanwhile
                process = psutil.Process(pid)
                self._add(at, "memory", owner, own_memory(process))
                self._add(at, "open files", owner, process.num_fds())
        largest = 0
        for pid in watchdogs:
            with suppress(psutil.Error):
                largest = max(largest, own_memory(psutil.Process(pid)))
        if largest:
            self._add(at, "memory", "largest watchdog", largest)
        # All are descendants of this process: the supervisor adopts those that lose their parent.
        self._add(at, "processes", "", len(psutil.Process().children(recursive=True)))
        # os.walk, because rglob would raise when a folder is removed meanwhile.
        self._add(at, "files", "", sum(len(names) for _, _, names in os.walk(self.folder)))

    def _add(self, at: float, what: str, owner: str, value: float) -> None:
        self.samples.append(Sample(at, what, owner, value))

    def memory(self) -> dict[str, float]:
        """Return the last known memory of each service, in MiB."""
        return {one.owner: one.value / MIB for one in self.samples if one.what == "memory"}


def own_memory(process: psutil.Process) -> int:
    """Return the unshared memory of a process (USS) in bytes."""
    return int(process.memory_full_info().uss)
