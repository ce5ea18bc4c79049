"""Paths of an image as paths of this machine."""

from __future__ import annotations

import posixpath
from pathlib import Path

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit_services.contract.errors import UnsafePathError
from labkit_services.files import rooted_path as files
from labkit_services.files.tree_copy import MOST_FOLDERS


def absolute(folder: str, path: str) -> str:
    """Return ``path``, which may be relative to ``folder``, without ``..``."""
    return "/" + posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def below(root: Path, path: str) -> Path:
    """Return where an image's ``path`` is on this machine."""
    try:
        return files.below(root, path)
    except UnsafePathError as error:
        raise DockerfileError(error.headline) from error


def make_folder(root: Path, folder: Path) -> None:
    """Create a folder below ``root``, with those above it."""
    if len(folder.relative_to(root).parts) > MOST_FOLDERS:
        raise DockerfileError(f"more than {MOST_FOLDERS} folders in each other")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise DockerfileError(f"mkdir /{folder.relative_to(root)}: not a directory") from error
