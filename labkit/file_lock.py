"""Let one process at a time change a file of the workspace."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.errors import LabTimeoutError
from labkit.workspace import Workspace
from labkit_services.files.own_file import make_own_folder, open_own

_LOCK_SECONDS = 10.0
_POLL_SECONDS = 0.02


@contextmanager
def file_lock(workspace: Workspace, name: str, doing: str) -> Iterator[None]:
    """Hold the lock file ``name`` of ``.labkit`` for a block.

    Args:
        workspace: Its ``.labkit`` is made if needed.
        name: Such as ``notebooks.lock``.
        doing: What the block does: ``copying the notebooks``.

    Raises:
        LabTimeoutError: Another process holds it for ten seconds.
    """
    make_own_folder(workspace.folder)
    path = workspace.folder / name
    with open(open_own(path, os.O_WRONLY | os.O_CREAT), "wb", buffering=0) as file:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabTimeoutError(
                        f"Another process is {doing}.",
                        expected=f"it ends within {_LOCK_SECONDS:g} s",
                        seen=f"{path} is locked",
                        next_step="try again; or find it: fuser " + str(path),
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
