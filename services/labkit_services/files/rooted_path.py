"""Paths that stay below a folder, whatever links there are in it."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from labkit_services.contract.errors import UnsafePathError

_MOST_LINKS = 255


def below(root: Path, path: str) -> Path:
    """Return where the ``path`` of a file system at ``root`` is.

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
                raise UnsafePathError(f"{path}: too many links")
            link = os.readlink(place)
            if link.startswith("/"):
                found = []
            parts.extendleft(reversed(link.split("/")))
    return root.joinpath(*found)


def check_written(path: Path) -> None:
    """Raise ``UnsafePathError`` if a link leads out of the current folder.

    A path that names another folder itself is that of the user.
    """
    for part in (path,) if path.is_absolute() else (path, *path.parents):
        if part.is_symlink():
            check_inside(part, Path(), part.parent)


def check_inside(path: Path, *roots: Path) -> Path:
    """Return where a path leads, all links followed.

    Raises:
        UnsafePathError: It leads out of all the folders ``roots``.
        OSError: It leads to nothing, or in a circle.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    folders = list(dict.fromkeys(map(os.path.realpath, roots)))
    if not any(map(real.is_relative_to, folders)):
        raise UnsafePathError(
            f"{path} leads out of {folders[0]}",
            expected=f"a path inside {' or '.join(folders)}",
            seen=f"a link to {real}",
            next_step="put the file itself there",
        )
    return real
