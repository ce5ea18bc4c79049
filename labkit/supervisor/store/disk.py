"""Whether the lab's folder can be written, and why not."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from labkit.errors import StorageError
from labkit_services.contract.write_probe import reason_of

_PROBE_BYTES = 64 * 1024
_FREE_SPACE = "free some space on that disk"
_MAKE_WRITABLE = "make that folder writable"
_NEXT_STEPS = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EROFS: "mount that disk so that it can be written",
    errno.EACCES: _MAKE_WRITABLE,
    errno.EPERM: _MAKE_WRITABLE,
    errno.EIO: "see to that disk",
}


def write_problem(folder: Path) -> StorageError | None:
    """Write a file into a folder and remove it; return why that failed."""
    path = folder / f".write-probe-{os.getpid()}"
    try:
        with path.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return storage_error(error, folder, "the lab then goes on by itself")
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return None


def storage_error(error: OSError, folder: Path, then: str) -> StorageError:
    """Return what a failed file operation means, and what to do about it.

    ``then`` is what happens, or is to be done, after the next step.
    """
    headline = reason_of(os.strerror(error.errno or 0))
    if error.errno == errno.ENOSPC and _lacks_inodes(folder):
        headline = "The disk has no room for more files."
    step = _NEXT_STEPS.get(error.errno or 0, "see what is at that path")
    return StorageError(
        headline or None,
        expected=f"a folder that can be written to: {folder}",
        seen=f"{error.strerror or error}: {error.filename or folder}",
        next_step=f"{step}; {then}",
    )


def _lacks_inodes(folder: Path) -> bool:
    with suppress(OSError):
        state = os.statvfs(folder)
        return state.f_files > 0 and state.f_favail == 0
    return False
