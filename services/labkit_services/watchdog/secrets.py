"""A function's secrets, at the path that OpenFaaS's functions read.

The gateway writes them to a folder of the replica. A container would see it as
``/var/openfaas/secrets``; so does a process where the system allows it private
mounts. Elsewhere that path is replaced in the function's command and
environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MOUNT_POINT = Path("/var/openfaas/secrets")

_MOUNT_POINT = re.compile(rb"/var/openfaas/secrets(?![\w.-])")


@dataclass(frozen=True, slots=True)
class SecretsView:
    """How the function sees its secrets."""

    folder: str = ""  # on this machine; "" if there are no secrets
    obstacle: str = ""  # why they can't be mounted at ``MOUNT_POINT``; "" if they are

    @classmethod
    def open(cls, environ: Mapping[str, str]) -> SecretsView:
        """Mount ``secrets_folder`` at ``MOUNT_POINT`` if possible.

        With ``secrets_by=rewrite`` the path is replaced instead. Never fails.
        """
        folder = environ.get("secrets_folder", "")
        if not folder:
            return cls()
        if environ.get("secrets_by") == "rewrite":
            return cls(folder, "secrets_by=rewrite")
        if not sys.platform.startswith("linux"):
            return cls(folder, f"there are no mount namespaces on {sys.platform}")
        try:
            # Not at the top: few functions have secrets and need the import.
            from labkit_services.watchdog.private_mount import try_mount

            return cls(folder, try_mount(Path(folder), MOUNT_POINT))
        except (OSError, ImportError) as error:
            return cls(folder, str(error))

    def words(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command with the path of the secrets replaced if needed."""
        return tuple(os.fsdecode(self._replaced(os.fsencode(word))) for word in argv)

    def environment(self, environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return an environment with the secrets' path replaced if needed.

        ``secrets_folder`` is set to the path in either case.
        """
        values = {name: self._replaced(value) for name, value in environ.items()}
        if self.folder:
            values[b"secrets_folder"] = os.fsencode(self.folder if self.obstacle else MOUNT_POINT)
        return values

    def _replaced(self, text: bytes) -> bytes:
        if not self.obstacle:
            return text
        folder = os.fsencode(self.folder)
        return _MOUNT_POINT.sub(lambda _: folder, text)

    def lines(self) -> list[str]:
        """Return lines for the function's log."""
        if not self.folder:
            return []
        if not self.obstacle:
            return [f"Secrets: at {MOUNT_POINT}, mounted for this function only."]
        return [
            f"Secrets: not at {MOUNT_POINT} ({self.obstacle}), but in a folder of this function's own."
            " In its command and environment that path is replaced;"
            " elsewhere use the variable secrets_folder."
        ]
