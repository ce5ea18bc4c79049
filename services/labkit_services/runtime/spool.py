"""Bytes of any number: the first megabyte in memory, more in a file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator

MEMORY_BYTES = 1024 * 1024
LIMIT_BYTES = 1024 * 1024 * 1024
"""Limit for one spool; a program that writes without an end must not fill the
disk."""
_CHUNK = 256 * 1024
_RESERVE_BYTES = 64 * 1024 * 1024
"""Space that stays free on the disk, for the queue's own files."""
_CHECK_BYTES = 16 * 1024 * 1024
"""How often the free space is looked at."""


class TooMuchDataError(OSError):
    """A spool has reached its limit, or has filled the disk."""


class Spool:
    """Collects parts, and returns them as often as wanted.

    The file has no name: the system removes it when the spool is closed, or
    its process ends, however that happens.

    Attributes:
        size: Bytes written.
    """

    __slots__ = ("_checked", "_descriptor", "_limit", "_parts", "size")

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.size = 0
        self._limit = limit
        self._parts: list[bytes] = []
        self._descriptor = -1
        self._checked = 0

    @classmethod
    def of(cls, parts: Iterable[bytes]) -> Spool:
        """Return a spool with these parts."""
        spool = cls()
        try:
            for part in parts:
                spool.write(part)
        except BaseException:
            spool.close()
            raise
        return spool

    @property
    def in_memory(self) -> bool:
        """Whether there is no file."""
        return self._descriptor < 0

    def write(self, part: bytes) -> None:
        """Add a part; TooMuchDataError means that it does not fit."""
        self.size += len(part)
        if self.size <= MEMORY_BYTES:
            self._parts.append(part)
        elif self.size > self._limit:
            raise TooMuchDataError(f"more than {self._limit} bytes")
        else:
            self._write_to_file(part)

    def _write_to_file(self, part: bytes) -> None:
        try:
            if self._descriptor < 0:
                self._descriptor = _open_unnamed(_folder())
            parts, self._parts = [*self._parts, part], []
            for each in parts:
                rest = memoryview(each)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            if self.size >= self._checked:
                self._checked = self.size + _CHECK_BYTES
                disk = os.fstatvfs(self._descriptor)
                if disk.f_bavail * disk.f_frsize < _RESERVE_BYTES:
                    raise TooMuchDataError(f"{self.size} bytes, and the disk is full")
        except OSError as error:
            if isinstance(error, TooMuchDataError):
                raise
            raise TooMuchDataError(f"{self.size} bytes, which can't be stored: {error.strerror}") from error

    def head(self, count: int) -> bytes:
        """Return the first ``count`` bytes, or all if there are fewer."""
        if not self.in_memory:
            return os.pread(self._descriptor, count, 0)
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = [data]
        return data[:count]

    def parts(self, chunk: int = _CHUNK) -> Iterator[bytes]:
        """Yield everything, in parts of ``chunk`` bytes but for the last."""
        position = 0
        while position < self.size:
            if self.in_memory:
                part = self.head(self.size)[position : position + chunk]
            else:
                part = os.pread(self._descriptor, chunk, position)
            if not part:
                return  # closed meanwhile
            position += len(part)
            yield part

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield everything, for a response or a request."""
        for part in self.parts():
            yield part

    def rewound(self) -> int:
        """Return the file's descriptor, to be read from the beginning."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return self._descriptor

    def close(self) -> None:
        """Drop everything. Idempotent."""
        self._parts = []
        self.size = 0
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _folder() -> str:
    """Return a folder on a disk: ``/tmp`` is often in memory."""
    wanted = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - a file without a name
    return wanted if os.access(wanted, os.W_OK | os.X_OK) else "/tmp"  # noqa: S108


def _open_unnamed(folder: str) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC
    if unnamed := getattr(os, "O_TMPFILE", 0):
        try:
            return os.open(folder, flags | unnamed, 0o600)
        except OSError:
            pass  # not on every file system
    path = os.path.join(folder, f".labkit-{os.getpid()}-{os.urandom(8).hex()}")
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)
    return descriptor
