"""Copy files that are not trusted."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from labkit_services.contract.errors import UnsafePathError
from labkit_services.files.own_file import kind_of
from labkit_services.files.rooted_path import check_inside

MOST_FILES = 200_000
MOST_BYTES = 2 * 1024**3
MOST_READ = 64 * 1024**2
"""Of a file that is read as a whole: a description, a Dockerfile."""
MOST_FOLDERS = 100
"""How many folders may be in each other."""
_BLOCK = 1024 * 1024


class Budget:
    """How much may be written: an archive of 1 MB can contain 1 TB."""

    def __init__(self, files: int = MOST_FILES, size: int = MOST_BYTES) -> None:
        self._files, self._bytes = files, size
        self._limits = f"at most {files:,} files and {size // 1024**2:,} MB"

    def take(self, name: object, *, files: int = 0, size: int = 0) -> None:
        """Count what is written next.

        Raises:
            UnsafePathError: It would be too much.
        """
        self._files -= files
        self._bytes -= size
        self.check(name)

    def check(self, name: object, size: int = 0) -> None:
        """Raise ``UnsafePathError`` if these bytes exceed the limit."""
        if self._files < 0 or self._bytes < size:
            raise UnsafePathError(
                f"too much is copied, the last of it is {name}",
                expected=self._limits,
                seen="too many files" if self._files < 0 else "too many bytes",
                next_step="leave out what the function does not need",
            )

    def copy(self, source: BinaryIO, target: BinaryIO, name: object) -> None:
        """Copy a file's content."""
        while block := source.read(_BLOCK):
            self.take(name, size=len(block))
            target.write(block)


class TreeCopy:
    """Copies files and folders; a link becomes what it leads to.

    What no file is copied from or to: pipes, sockets and devices, a link that
    leads out of the folders ``roots``, a link in the target.
    """

    def __init__(self, *roots: Path, skipped: tuple[str, ...] = (), avoided: Path | None = None) -> None:
        """Leave out names in ``skipped``, and the folder ``avoided``."""
        self._roots = roots
        self._skipped = skipped
        self._avoided = avoided
        self._budget = Budget()

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file, or a folder into a folder.

        Raises:
            UnsafePathError: It is not safe to copy.
            OSError: It cannot be read or written.
        """
        self._copy(source, check_inside(source, *self._roots), target, ())

    def _copy(self, name: Path, source: Path, target: Path, above: tuple[tuple[int, int], ...]) -> None:
        """Copy ``source``, which is no link; ``name`` is how it was found."""
        info = source.lstat()
        identity = (info.st_dev, info.st_ino)
        self._budget.take(name, files=1)
        if stat.S_ISREG(info.st_mode):
            self._copy_file(name, source, target)
        elif not stat.S_ISDIR(info.st_mode):
            raise cannot_copy(name, kind_of(info.st_mode))
        elif identity in above:
            raise cannot_copy(name, "a link to a folder that contains it")
        elif len(above) >= MOST_FOLDERS:
            raise cannot_copy(name, f"more than {MOST_FOLDERS} folders in each other")
        elif not self._is_avoided(source):
            make_folder(target)
            for entry in sorted(os.listdir(source)):
                if entry not in self._skipped:
                    path = source / entry
                    found = check_inside(path, *self._roots) if path.is_symlink() else path
                    self._copy(name / entry, found, target / entry, (*above, identity))

    def _is_avoided(self, folder: Path) -> bool:
        return self._avoided is not None and self._avoided.exists() and folder.samefile(self._avoided)

    def _copy_file(self, name: Path, source: Path, target: Path) -> None:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):  # it was exchanged a moment ago
                raise cannot_copy(name, kind_of(info.st_mode))
            self._budget.check(name, info.st_size)
            with create(target) as copied:
                self._budget.copy(file, copied, name)
        target.chmod(info.st_mode & 0o777 | 0o200)


def read_file(path: Path) -> bytes:
    """Return the content of a file; a pipe or a device is none."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise cannot_copy(path, kind_of(info.st_mode))
        Budget(size=MOST_READ).check(path, info.st_size)
        return file.read(MOST_READ)


def make_folder(folder: Path) -> None:
    """Create a folder; a link to one is no folder."""
    if folder.is_symlink():
        raise cannot_write(folder, "a symbolic link")
    if not folder.parent.is_dir():
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)


def create(file: Path) -> BinaryIO:
    """Return a new file that is written to; it replaces a file or a link."""
    if not file.parent.is_dir():
        make_folder(file.parent)
    try:
        mode = file.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise cannot_write(file, kind_of(mode))
        file.unlink()
    except FileNotFoundError:
        pass
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), "wb")


def cannot_copy(name: object, seen: str) -> UnsafePathError:
    """Return the error for a file that is none."""
    return UnsafePathError(
        f"cannot copy {name}: {seen}",
        expected="files and folders only",
        next_step="remove it, or put the file itself there",
    )


def cannot_write(name: object, seen: str) -> UnsafePathError:
    """Return the error for what is in the way of a copy."""
    return UnsafePathError(
        f"cannot write to {name}: {seen}", expected="files and folders only", next_step="remove it"
    )
