"""The processes of a lab, and the memory that they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

import psutil


def lab_processes(supervisor: int) -> set[int]:
    """Return all processes of a lab: they share the supervisor's session, whoever their parent is."""
    found = set()
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == supervisor:
                found.add(pid)
    return found


def held_by(pids: Iterable[int]) -> dict[str, float]:
    """Return what processes hold together, in megabytes.

    ``megabytes`` is resident memory, as the real OpenFaaS's figures are: it counts
    what is shared once for each process. ``private`` is nobody else's, and
    ``proportional`` (Linux) divides what is shared among all that share it, other labs included.
    """
    totals = {"megabytes": 0.0, "private": 0.0, "proportional": 0.0}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            info = psutil.Process(pid).memory_full_info()
            totals["megabytes"] += info.rss / 1e6
            totals["private"] += info.uss / 1e6
            totals["proportional"] += getattr(info, "pss", 0) / 1e6
    return totals
