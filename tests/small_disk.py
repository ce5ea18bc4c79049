"""A file system of a few megabytes, mounted for a test, that can be filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 64 * 1024


_AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")


class SmallDisk:
    """A mounted file system, and the file that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Write a file until the disk is full."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (_BLOCK, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Remove that file."""
        self._filler.unlink(missing_ok=True)


def skip_reason() -> str:
    """Return why no such disk can be had here, or ""; in CI it must be."""
    if not sys.platform.startswith("linux"):
        return "tmpfs is Linux's"
    return "" if not _AS_ROOT or os.environ.get("CI") else "mounting a file system needs root"


@contextmanager
def small_disk(folder: Path, options: str = "size=24m") -> Iterator[SmallDisk]:
    """Mount a new tmpfs at ``folder``, for as long as the context lasts."""
    folder.mkdir(exist_ok=True)
    options = f"{options},mode=777"
    subprocess.run([*_AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that is ending may still have a file open.
        subprocess.run([*_AS_ROOT, "umount", "--lazy", str(folder)], check=True)
