"""The lock file: as long as it is there, the watchdog takes requests."""

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
        """Create it.

        Raises:
            LabError: It cannot be written.
        """
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o660))
        except OSError as error:
            raise LabError(
                f"Cannot write {self.path}. To disable lock-file set env suppress_lock=true.",
                expected="a folder for temporary files that can be written to",
                seen=str(error),
                next_step="point TMPDIR to such a folder",
            ) from error

    def remove(self) -> None:
        """Delete it.

        Raises:
            OSError: It is not there, or must not be deleted.
        """
        os.unlink(self.path)

    def present(self) -> bool:
        """Whether it is there."""
        return os.path.exists(self.path)
