"""The error for what nobody expected: short, with the rest in a file.

Every command and every method of the lab turns what is not a ``LabError`` into
one here, so that a learner never sees a bare traceback.
"""

from __future__ import annotations

import os

from labkit.errors import SystemProblemError, UnexpectedError
from labkit.state_file import FOLDER, find_workspace
from labkit.system_limits import next_step_after
from labkit_services.contract.errors import LabError

_LOG = os.path.join("logs", "errors.log")
_MAX_BYTES = 256 * 1024
_TAIL_LINES = 3


def as_lab_error(error: BaseException, doing: str) -> LabError:
    """Return ``error`` as an error of the lab.

    What the system refuses (a file, a full disk) is described in its own
    words. Anything else is a fault of labkit: its traceback goes to
    ``.labkit/logs/errors.log`` if the workspace has had a lab.

    Args:
        error: What was raised.
        doing: What failed by it: a command or a method.
    """
    if isinstance(error, LabError):
        return error
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_in_a_folder():
        return SystemProblemError(
            f"{doing}: the current folder does not exist any more",
            seen=f"{type(error).__name__}: {error}",
            next_step="go to another folder",
        )
    if isinstance(error, OSError) and error.strerror:
        named = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return SystemProblemError(
            f"{doing}: {': '.join([*named, error.strerror.lower()])}",
            seen=f"{type(error).__name__}: {error}",
            next_step=next_step_after(error),
        )
    import traceback  # 10 ms that few runs need

    lines = "".join(traceback.format_exception(error)).splitlines()
    log = _write(doing, lines)
    return UnexpectedError(
        f"{doing}: labkit has a fault here",
        seen=f"{type(error).__name__}: {error}"[:500],
        log=() if log else lines[-_TAIL_LINES:],
        next_step=f"report it, with the log {log}" if log else "report it, with these lines",
    )


def _is_in_a_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _write(doing: str, lines: list[str]) -> str:
    """Append a traceback to the workspace's log; return its path, or ""."""
    import time

    path = os.path.join(find_workspace(), FOLDER, _LOG)
    try:
        full = os.path.exists(path) and os.path.getsize(path) > _MAX_BYTES
        with open(path, "w" if full else "a", encoding="utf-8", errors="replace") as file:
            file.write("\n".join([f"{time.strftime('%Y-%m-%d %H:%M:%S')} {doing}", *lines, ""]))
    except OSError:
        return ""  # there has been no lab, or the disk is full
    return path
