"""How much memory a process holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PS_SECONDS = 1.0


def resident_bytes(pid: int) -> int:
    """Return the resident set of a process in bytes; 0 when it can't be told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return _ask_ps(pid)
    return pages * os.sysconf("SC_PAGE_SIZE")


def _ask_ps(pid: int) -> int:
    """Return the same from ``ps``, for systems without /proc."""
    try:
        answer = subprocess.run(  # noqa: S603
            ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            timeout=_PS_SECONDS,
            check=False,
        )
        return int(answer.stdout or 0) * 1024
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0
