"""What must not grow without bound: memory, open files, processes, files on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import psutil

MIB = 1024 * 1024

BOUNDS = {"memory": 24.0 * MIB, "open files": 64.0, "processes": 8.0, "files": 64.0}
"""How much of each may be added over the second half of a run, by the trend."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one thing.

    Attributes:
        at: Seconds since the start.
        what: ``memory``, ``open files``, ``processes``, ``files``.
        owner: Whose it is: a service, or "" for all together.
        pid: Of the process; its successor after a restart counts by itself. 0 for none.
        value: Bytes, or how many.
    """

    at: float
    what: str
    owner: str
    pid: int
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
        return self.added <= BOUNDS[self.what]

    def __str__(self) -> str:
        """Say it in a few words."""
        unit, name = (MIB, " MiB") if self.what == "memory" else (1, "")
        who = f"{self.owner}: " if self.owner else ""
        return (
            f"{who}{self.what} {self.first / unit:.1f} → {self.last / unit:.1f}{name}, "
            f"trend {self.added / unit:+.1f}{name}"
        )


def growths(samples: Iterable[Sample], seconds: float) -> list[Growth]:
    """Return the growth of each thing over the second half of ``seconds``."""
    half = seconds / 2

    def key(sample: Sample) -> tuple[str, str]:
        return sample.what, sample.owner

    found = []
    for (what, owner), group in groupby(sorted(samples, key=key), key):
        later = [(sample.at, sample.value) for sample in group if sample.at >= half]
        if later:
            added = trend(later) * (later[-1][0] - later[0][0])
            found.append(Growth(what, owner, later[0][1], later[-1][1], added))
    return found


@dataclass
class Sampler:
    """Looks at the processes of a stack."""

    folder: Path
    samples: list[Sample] = field(default_factory=list)

    def look(self, at: float, pids: dict[str, int]) -> None:
        """Note memory and open files of each service, and how many processes and files there are."""
        sessions = set()
        for owner, pid in pids.items():
            with suppress(psutil.Error, OSError):  # killed at this moment
                process = psutil.Process(pid)
                self.samples.append(Sample(at, "memory", owner, pid, own_memory(process)))
                self.samples.append(Sample(at, "open files", owner, pid, process.num_fds()))
                sessions.add(os.getsid(pid))
        processes = sum(_is_in(sessions, pid) for pid in psutil.pids())
        self.samples.append(Sample(at, "processes", "", 0, processes))
        files = sum(1 for path in self.folder.rglob("*"))
        self.samples.append(Sample(at, "files", "", 0, files))


def _is_in(sessions: set[int], pid: int) -> bool:
    """Tell whether a process is in one of these sessions, whoever its parent is by now."""
    with suppress(OSError):
        return os.getsid(pid) in sessions
    return False


def own_memory(process: psutil.Process) -> int:
    """Return the bytes that would be free if the process ended (USS), without what it shares with others."""
    return int(process.memory_full_info().uss)
