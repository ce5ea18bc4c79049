"""The processes of a lab: what they hold, and how much they have worked."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
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

    ``megabytes`` divides what is shared among those who share it (Linux's PSS): forked
    services share much. Other labs on the machine share it, too, and make it look smaller.
    ``private`` is nobody else's; ``resident`` counts what is shared once for each process.
    """
    totals = {"megabytes": 0.0, "private": 0.0, "resident": 0.0}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            info = psutil.Process(pid).memory_full_info()
            totals["megabytes"] += getattr(info, "pss", info.rss) / 1e6
            totals["private"] += info.uss / 1e6
            totals["resident"] += info.rss / 1e6
    return totals


def worked(supervisor: int, services: Mapping[int, str]) -> dict[str, float]:
    """Return the seconds of CPU that each part of a lab has used so far.

    Args:
        supervisor: The lab's.
        services: Names by process id. All other processes are watchdogs, which
            answer for the function's processes that they have reaped, too.
    """
    seconds: dict[str, float] = defaultdict(float)
    for pid in lab_processes(supervisor):
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            part = services.get(pid, "watchdog and function")
            seconds[part] += times.user + times.system
            if pid not in services:
                seconds[part] += times.children_user + times.children_system
    return seconds
