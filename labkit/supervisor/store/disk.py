"""Whether the lab's folder can be written, and why not."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from labkit.errors import StorageError
from labkit_services.contract.write_probe import reason_of

_PROBE_BYTES = 64 * 1024
_FEW_INODES = 3
"""A failed operation may have given back one or two."""
_FREE_SPACE = "free some space on that disk"
_MAKE_WRITABLE = "make that folder writable"
_NEXT_STEPS = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EROFS: "mount that disk so that it can be written",
    errno.EACCES: _MAKE_WRITABLE,
    errno.EPERM: _MAKE_WRITABLE,
    errno.EIO: "check that disk",
    errno.EISDIR: "move away the folder that is at that path",
    errno.ENOTDIR: "move away the file that is at that path",
    errno.EEXIST: "move away the file that is at that path",
    errno.ELOOP: "move away the link that is at that path",
}


def try_to_write(folder: Path) -> None:
    """Write a file into a folder and remove it, or raise an OSError."""
    path = folder / ".write-probe"
    try:
        with path.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write_problem(folder: Path) -> StorageError | None:
    """Return why a folder can't be written, or None."""
    try:
        try_to_write(folder)
    except OSError as error:
        headline, step = explain(error, folder)
        return StorageError(
            headline or None,
            expected=f"a folder that can be written to: {folder}",
            seen=f"{error.strerror or error}: {error.filename or folder}",
            next_step=f"{step}; the lab then goes on by itself",
        )
    return None


def explain(error: OSError, folder: Path) -> tuple[str, str]:
    """Return a headline for a failed file operation, and the next step.

    The headline is "" if the error says nothing about the disk.
    """
    step = _NEXT_STEPS.get(error.errno or 0, "look at what is at that path")
    if error.errno == errno.ENOSPC and (lacks_inodes(folder) or _has_space(folder)):
        return "The disk has no room for more files.", "remove some files on that disk"
    return reason_of(os.strerror(error.errno or 0)), step


def _has_space(folder: Path) -> bool:
    with suppress(OSError):
        state = os.statvfs(folder)
        return state.f_files > 0 and state.f_bavail * state.f_frsize > 2 * _PROBE_BYTES
    return False


def lacks_inodes(folder: Path, needed: int = _FEW_INODES) -> bool:
    """Return whether a disk has room for fewer than ``needed`` files."""
    with suppress(OSError):
        state = os.statvfs(folder)
        return state.f_files > 0 and state.f_favail < needed
    return False


def named_errno(text: str) -> int:
    """Return the error of a disk that a log or a message names, or 0."""
    of_disks = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
    return next((code for code in of_disks if os.strerror(code).lower() in text.lower()), 0)
