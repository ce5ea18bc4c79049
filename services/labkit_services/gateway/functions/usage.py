"""CPU and memory that a process group uses."""

from __future__ import annotations

import os
from pathlib import Path

from labkit_services.gateway.functions.replica import ReplicaUsage

_PROC = Path("/proc")


def usage_of(pid: int) -> ReplicaUsage:
    """Return the usage of the process group ``pid``.

    CPU is over the processes' lifetime; both are 0 without ``/proc`` (macOS).
    """
    memory, ticks, oldest = 0, 0.0, 0.0
    if not _PROC.is_dir():
        return ReplicaUsage()
    page, hertz = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    uptime = float((_PROC / "uptime").read_text().split()[0])
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            # A process may have any bytes as its name.
            fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        # proc(5), counted from the third field: pgrp, utime, stime, starttime,
        # rss.
        if int(fields[2]) == pid:
            ticks += int(fields[11]) + int(fields[12])
            oldest = max(oldest, uptime - int(fields[19]) / hertz)
            memory += int(fields[21]) * page
    return ReplicaUsage(round(1000 * ticks / hertz / oldest, 3) if oldest else 0, memory)
