"""The lock file: while it exists, the watchdog is healthy."""

from __future__ import annotations

import os
from collections.abc import Mapping

from labkit_services.contract.errors import LabError


class LockFile:
    """``.lock`` in the folder for temporary files.

    A file rather than a flag, so that a health check of the container can see
    it without HTTP.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.path = os.path.join(environ.get("TMPDIR") or "/tmp", ".lock")  # noqa: S108  # as Go's os.TempDir

    def write(self) -> None:
        """Create the file."""
        try:
            # Without a TMPDIR of its own, others may have put a link there.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            os.close(os.open(self.path, flags, 0o660))
        except OSError as error:
            raise LabError(
                f"Cannot write {self.path}. To disable lock-file set env suppress_lock=true.",
                expected="a writable folder for temporary files",
                seen=str(error),
                next_step="set TMPDIR to such a folder",
            ) from error

    def remove(self) -> None:
        """Delete the file."""
        os.unlink(self.path)

    def exists(self) -> bool:
        """Return whether the file exists."""
        return os.path.exists(self.path)
