"""The lab's folder on disk, and its log files."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from labkit.errors import WorkspaceError
from labkit.supervisor.store.disk import explain, lacks_inodes, named_errno, try_to_write
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.files.own_file import is_own_folder, make_own_folder, open_own, read_own
from labkit_services.runtime.log_tail import last_lines

_DEEPEST_BYTES = 200
"""Space for the longest path below ``.labkit``: a consumer's state in
JetStream's store."""
_NEXT_STEP = "choose another folder: Lab.start(workspace=…), or the variable LABKIT_WORKSPACE"
_MACOS_PATH_BYTES = 1024
"""The shortest limit of the supported systems."""

_FILES_OF_A_LAB = 100

_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_LINES = 8
_CRASH_LINES = 1000
_GO_CRASH = ("fatal error: ", "panic: ", "runtime: ")
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def run_folder(workspace: Workspace) -> Path:
    """Return the folder for files that are removed when the lab ends."""
    return workspace.folder / "run"


def prepare_folder(workspace: Workspace) -> None:
    """Create ``.labkit`` and its log folder, accessible by the owner only."""
    longest = _path_limit(workspace.root)
    length = len(os.fsencode(workspace.folder))
    if length + _DEEPEST_BYTES > longest:
        raise WorkspaceError(
            "The workspace's path is too long.",
            expected=f"a path of at most {longest - _DEEPEST_BYTES} bytes",
            seen=f"{length} bytes",
            next_step=_NEXT_STEP,
        )
    with workspace_errors(workspace):
        for folder in (workspace.folder, workspace.logs):
            make_own_folder(folder)
            folder.chmod(0o700)
        for folder in (run_folder(workspace), workspace.images):
            is_own_folder(folder)
        store = workspace.jetstream
        if store.is_symlink() or store.is_dir():  # what else it may be is damage
            is_own_folder(store)
        for file in workspace.logs.iterdir():
            os.close(open_own(file))
        os.close(open_own(workspace.lock_file, os.O_WRONLY | os.O_CREAT))


@contextmanager
def workspace_errors(workspace: Workspace) -> Iterator[None]:
    """Raise a ``WorkspaceError`` for a failed file operation of the block."""
    try:
        yield
    except UnsafePathError as error:
        raise WorkspaceError(
            error.headline, expected=error.expected, seen=error.seen, next_step=error.next_step
        ) from error
    except OSError as error:
        if isinstance(error, LabError):
            raise
        raise workspace_error(error, workspace) from error


def workspace_error(error: OSError, workspace: Workspace) -> WorkspaceError:
    """Return what a failed file operation in the workspace means."""
    headline, step = explain(error, workspace.folder)
    return WorkspaceError(
        headline or None,
        expected=f"a folder that can be written to: {workspace.folder}",
        seen=f"{error.strerror or error}: {error.filename or workspace.folder}",
        next_step=f"{step}, or {_NEXT_STEP}",
    )


def for_lack_of_room(error: Exception, workspace: Workspace) -> Exception:
    """Return the cause of a failed start, if it is that of its services.

    A service that can't write ends, and says so only in its log, if it can.
    """
    if isinstance(error, WorkspaceError):
        return error
    try:
        try_to_write(workspace.folder)
        if lacks_inodes(workspace.folder, _FILES_OF_A_LAB):
            raise OSError(errno.ENOSPC, "No inodes left", str(workspace.folder))
        if code := named_errno(str(error)):
            raise OSError(code, os.strerror(code), str(workspace.folder))
    except OSError as cause:
        found = workspace_error(cause, workspace)
        found.log = tuple(str(error).splitlines())
        return found
    return error


def _path_limit(root: Path) -> int:
    for folder in (root, *root.parents):
        try:
            return os.pathconf(folder, "PC_PATH_MAX")
        except (OSError, ValueError):
            continue  # it does not exist yet, or its path is too long even for this question
    return _MACOS_PATH_BYTES


def remove(folder: Path) -> None:
    """Remove a folder with its content; a missing one is no error."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def remove_anything(path: Path) -> None:
    """Remove a file, or a folder, also one that its owner may not write."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    path.chmod(0o700)
    for folder, names, _ in os.walk(path):
        for inner in (Path(folder, name) for name in names):
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(path)


def log_to(path: Path) -> None:
    """Write log messages and standard error, with crashes, to a file."""
    descriptor = open_own(path, _APPEND)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    line = "%(asctime)sZ %(levelname)s supervisor: %(message)s"
    logging.basicConfig(level=logging.INFO, format=line, datefmt="%Y-%m-%dT%H:%M:%S")
    logging.Formatter.converter = time.gmtime


class LogFile:
    """The log of one service: the service appends, the supervisor bounds it.

    The service writes to the file directly, so no line is lost when the
    supervisor is killed, and no pipe can fill up and block it. The file is
    bounded by copying and truncating: the service appends, so it continues at
    the new end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = self._size()

    def _size(self) -> int:
        try:
            return self.path.lstat().st_size
        except FileNotFoundError:
            return 0

    def open(self) -> BinaryIO:
        """Return the file for a new process; ``tail`` starts at this point."""
        self._start = self._size()
        return os.fdopen(open_own(self.path, _APPEND), "ab", buffering=0)

    def tail(self) -> list[str]:
        """Return the last lines that the most recent process wrote.

        Of a Go program's crash these are the first ones, which say why.
        """
        try:
            with read_own(self.path) as file:
                lines = last_lines(file, _CRASH_LINES, start=self._start)
        except FileNotFoundError:
            return []
        crash = next((i for i, line in enumerate(lines) if line.startswith(_GO_CRASH)), None)
        shown = lines[-_TAIL_LINES:] if crash is None else lines[crash : crash + _TAIL_LINES]
        return [line for line in shown if line.strip()]

    def clear(self) -> None:
        """Empty the file: after a reset, old lines would only confuse."""
        if self._size():
            os.close(open_own(self.path, os.O_WRONLY | os.O_TRUNC))
        self._start = 0

    def bound(self, limit: int = _LOG_LIMIT_BYTES) -> bool:
        """Move over ``limit`` bytes to ``NAME.log.1``; tell whether it did."""
        if self._size() <= limit:
            return False
        older = self.path.with_name(self.path.name + ".1")
        replaced = older.lstat().st_size if os.path.lexists(older) else 0
        older.unlink(missing_ok=True)
        with read_own(self.path) as log, os.fdopen(open_own(older, os.O_WRONLY | os.O_CREAT), "wb") as file:
            shutil.copyfileobj(log, file)
        self.clear()
        # First in the log, but not of a process: ``tail`` begins after it.
        gone = f"; {replaced:,} bytes of earlier ones are not kept" if replaced else ""
        with os.fdopen(open_own(self.path, _APPEND), "ab") as file:
            file.write(f"[labkit: the lines before this one are in {older.name}{gone}]\n".encode())
        self._start = self._size()
        return True
