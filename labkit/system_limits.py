"""What to do when the system's limits are reached."""

from __future__ import annotations

import errno

_NEXT_STEPS = {
    errno.EMFILE: "allow more open files, for example with: ulimit -n 1024",
    errno.ENFILE: "end some programs: the whole system has too many open files",
    errno.EAGAIN: "end some programs, or allow more processes: ulimit -u",
    errno.ENOMEM: "end some programs, or allow more memory: ulimit -v",
}


def next_step_after(error: OSError, otherwise: str = "") -> str:
    """Return what to do if a limit of the system caused an error."""
    return _NEXT_STEPS.get(error.errno or 0, otherwise)
