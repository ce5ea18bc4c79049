"""What Linux tells and does about processes beyond Python's ``os`` module."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def load_prctl() -> Callable[[int, int], int] | None:
    """Return the system call ``prctl``; None on other systems."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # here, because only Linux needs it

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return lambda option, value: int(prctl(option, value, 0, 0, 0))


def children_of(parent: int) -> list[int]:
    """Return the ids of a process's living children."""
    found = []
    for name in os.listdir("/proc"):
        with suppress(OSError, ValueError):
            # "pid (name) state ppid …"; the name may contain anything,
            # brackets too.
            with open(f"/proc/{int(name)}/stat", encoding="utf-8", errors="replace") as file:
                state, ppid = file.read().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(name))
    return found
