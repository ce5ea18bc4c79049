"""Paths of an image as paths of this machine."""

from __future__ import annotations

import os
import posixpath
from collections import deque
from pathlib import Path

from labkit.openfaas_cli.dockerfile.error import DockerfileError

_MOST_LINKS = 255


def absolute(folder: str, path: str) -> str:
    """Return ``path``, which may be relative to ``folder``, without ``..``."""
    return "/" + posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def below(root: Path, path: str) -> Path:
    """Return where an image's ``path`` is on this machine.

    As in a container nothing leads out of ``root``: an absolute link starts
    at ``root``, and ``..`` stops there. The file need not exist.
    """
    parts = deque(path.split("/"))
    found: list[str] = []
    links = 0
    while parts:
        part = parts.popleft()
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            place = root.joinpath(*found, part)
            if not place.is_symlink():
                found.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise DockerfileError(f"{path}: too many links")
            link = os.readlink(place)
            if link.startswith("/"):
                found = []
            parts.extendleft(reversed(link.split("/")))
    return root.joinpath(*found)


def make_folder(root: Path, folder: Path) -> None:
    """Create a folder below ``root``, with those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise DockerfileError(f"mkdir /{folder.relative_to(root)}: not a directory") from error
