"""The lab's own folder: made for a start, tidied at the end."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labkit.errors import WorkspaceError
from labkit.workspace import Workspace

_DEEPEST = 200
"""Room for the longest path below ``.labkit``: a consumer's state in JetStream's store."""
_NEXT_STEP = "choose another folder: Lab.start(workspace=…), or the variable LABKIT_WORKSPACE"


def run_folder(workspace: Workspace) -> Path:
    """Return the folder of what lives only as long as the lab: configuration, secrets, scratch."""
    return workspace.folder / "run"


def prepare_folder(workspace: Workspace) -> None:
    """Make ``.labkit`` with its logs, for its owner only.

    Raises:
        WorkspaceError: The file system doesn't let us.
    """
    longest = _longest_path(workspace.root)
    length = len(os.fsencode(workspace.folder))
    if length + _DEEPEST > longest:
        raise WorkspaceError(
            "The workspace's path is too long.",
            expected=f"a path of at most {longest - _DEEPEST} bytes",
            seen=f"{length} bytes",
            next_step=_NEXT_STEP,
        )
    try:
        for folder in (workspace.folder, workspace.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        workspace.lock_file.touch(mode=0o600)
    except OSError as error:
        raise unusable(workspace, error) from error


def unusable(workspace: Workspace, error: OSError) -> WorkspaceError:
    """Return what to say when the file system refuses something in ``workspace``."""
    return WorkspaceError(
        expected=f"a folder that can be written to: {workspace.folder}",
        seen=f"{error.strerror or error}: {error.filename or workspace.folder}",
        next_step=_NEXT_STEP,
    )


def _longest_path(root: Path) -> int:
    for folder in (root, *root.parents):
        try:
            return os.pathconf(folder, "PC_PATH_MAX")
        except (OSError, ValueError):
            continue  # not there yet, or too long even to be asked
    return 1024  # macOS's, the smallest of those we support


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def remove(folder: Path) -> None:
    """Remove a folder and what it holds; it need not be there.

    Raises:
        OSError: It can't be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
