"""A function's secrets where OpenFaaS's functions look for them.

The gateway writes them to a folder of the replica's own. A container would
see that as ``/var/openfaas/secrets``; a process does where the system lets it
have mounts of its own. Elsewhere that path is replaced where we can reach it:
in the function's command and environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLACE = Path("/var/openfaas/secrets")

_PLACE = re.compile(rb"/var/openfaas/secrets(?![\w.-])")


@dataclass(frozen=True, slots=True)
class SecretsView:
    """How the function sees its secrets.

    Attributes:
        folder: Where they are on this machine; "" when it has none.
        obstacle: Why they can't be seen at ``PLACE``; "" when they can.
    """

    folder: str = ""
    obstacle: str = ""

    @classmethod
    def open(cls, environ: Mapping[str, str]) -> SecretsView:
        """Show the secrets of ``secrets_folder`` at ``PLACE``, if that can be. Never fails.

        ``secrets_by=rewrite`` chooses the other way.
        """
        folder = environ.get("secrets_folder", "")
        if not folder:
            return cls()
        if environ.get("secrets_by") == "rewrite":
            return cls(folder, "secrets_by=rewrite")
        if not sys.platform.startswith("linux"):
            return cls(folder, f"there are no mount namespaces on {sys.platform}")
        try:
            # Here, because only functions with secrets shall pay for the import.
            from labkit_services.watchdog.mounts import try_show

            return cls(folder, try_show(Path(folder), PLACE))
        except (OSError, ImportError) as error:
            return cls(folder, str(error))

    def words(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command whose words name the secrets where they are."""
        return tuple(os.fsdecode(self._replaced(os.fsencode(word))) for word in argv)

    def environment(self, environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return an environment whose values name the secrets where they are.

        ``secrets_folder`` names the folder in either case.
        """
        values = {name: self._replaced(value) for name, value in environ.items()}
        if self.folder:
            values[b"secrets_folder"] = os.fsencode(self.folder if self.obstacle else PLACE)
        return values

    def _replaced(self, text: bytes) -> bytes:
        if not self.obstacle:
            return text
        folder = os.fsencode(self.folder)
        return _PLACE.sub(lambda _: folder, text)

    def lines(self) -> list[str]:
        """Return what the function's log shall say."""
        if not self.folder:
            return []
        if not self.obstacle:
            return [f"Secrets: at {PLACE}, mounted for this function only."]
        return [
            f"Secrets: not at {PLACE} ({self.obstacle}), but in a folder of this function's own."
            " In its command and environment that path is replaced;"
            " elsewhere use the variable secrets_folder."
        ]
