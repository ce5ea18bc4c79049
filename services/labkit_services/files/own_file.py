"""Open files of a folder that only this user may change.

A link, a pipe or a device in place of a file is an error: it is neither
followed nor written to. It imports little: ``faas-cli invoke`` uses it.
"""

from __future__ import annotations

import errno
import os
import stat

from labkit_services.contract.errors import UnsafePathError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    AnyPath = str | os.PathLike[str]

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_of(mode: int) -> str:
    """Return what has this ``st_mode``: ``a symbolic link``, ``a file``."""
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a file")


def open_own(path: AnyPath, flags: int = os.O_RDONLY) -> int:
    """Open a regular file of this user, and return its descriptor.

    A new file has mode 0600. ``O_TRUNC`` takes effect after the checks.

    Raises:
        UnsafePathError: It is no regular file, it belongs to another user, or
            others may write to it; or it is opened for writing, and has a
            second name.
        OSError: It cannot be opened.
    """
    safe = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags & ~os.O_TRUNC | safe, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO):
            _check_file(path, os.lstat(path), flags)
        raise
    try:
        _check_file(path, os.fstat(descriptor), flags)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_own(path: AnyPath) -> BinaryIO:
    """Open a regular file of this user for reading."""
    return os.fdopen(open_own(path), "rb")


def is_own_folder(path: AnyPath) -> bool:
    """Whether there is a folder that only this user may change.

    Raises:
        UnsafePathError: There is a link or a file, the folder belongs to
            another user, or others may write to it.
    """
    try:
        info = os.lstat(path)
    except OSError:
        return False  # nor can anything in it be opened
    if not stat.S_ISDIR(info.st_mode):
        raise _unsafe(path, "a folder", kind_of(info.st_mode), "remove it")
    _check_owner(path, info)
    return True


def make_own_folder(path: AnyPath) -> None:
    """Create a folder with mode 0700, also those above it.

    Raises:
        UnsafePathError: There is something else; see ``is_own_folder``.
    """
    if is_own_folder(path):
        return
    above = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(above):
        make_own_folder(above)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        is_own_folder(path)  # made by another process meanwhile


def _check_file(path: AnyPath, info: os.stat_result, flags: int) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise _unsafe(path, "a file", kind_of(info.st_mode), "remove it")
    _check_owner(path, info)
    if flags & (os.O_WRONLY | os.O_RDWR) and info.st_nlink > 1:
        raise _unsafe(path, "a file with one name", "a hard link", "remove it")


def _check_owner(path: AnyPath, info: os.stat_result) -> None:
    noun = kind_of(info.st_mode)
    if info.st_uid != os.geteuid():
        expected, seen = f"{noun} of user {os.geteuid()}", f"{noun} of user {info.st_uid}"
        raise _unsafe(path, expected, seen, "leave it to its owner")
    if info.st_mode & _OTHERS_WRITE and _has_modes(path, info.st_mode):
        raise _unsafe(
            path,
            f"{noun} that only you can write to",
            f"mode {stat.S_IMODE(info.st_mode):04o}",
            f"look at what is in it, then: chmod go-w {os.fspath(path)}",
        )


def _has_modes(path: AnyPath, mode: int) -> bool:
    """Whether a change of the mode takes effect, which is then undone.

    A Windows disk under WSL has no modes: all of it seems open to everybody.
    """
    os.chmod(path, stat.S_IMODE(mode) & ~_OTHERS_WRITE)
    changed = os.lstat(path).st_mode != mode
    if changed:
        os.chmod(path, stat.S_IMODE(mode))
    return changed


def _unsafe(path: AnyPath, expected: str, seen: str, step: str) -> UnsafePathError:
    return UnsafePathError(
        f"{os.fspath(path)} is not safe to use.",
        expected=expected,
        seen=f"{seen}: {os.fspath(path)}",
        next_step=f"{step}, or choose another folder with the variable LABKIT_WORKSPACE",
    )
