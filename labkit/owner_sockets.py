"""The Unix sockets at which a lab's services know the lab's owner.

Jupyter's server proxies to them. Their folder follows from the workspace, so
that the server finds it before there is a lab. It is not in the workspace:
the path of a socket may have about 100 bytes only (unix(7)).
"""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from typing import NamedTuple

from labkit.workspace import Workspace
from labkit_services.files.own_file import is_own_folder, make_own_folder

_PARENT = "/tmp"  # noqa: S108 - not TMPDIR: notebook, terminal and Jupyter must agree

_PRIME = 2**64 - 59
"""Tells paths apart as well as a hash would: importing hashlib takes 10 ms."""


class OwnerSockets(NamedTuple):
    """The folder of a workspace's sockets, one for each service."""

    folder: str

    @classmethod
    def of(cls, workspace: Workspace) -> OwnerSockets:
        """Return the sockets of a workspace, whether or not a lab runs."""
        path = os.fsencode(os.path.realpath(workspace.root))
        return cls(f"{_PARENT}/labkit-{os.geteuid()}-{int.from_bytes(path) % _PRIME:016x}")

    def path(self, service: str) -> str:
        """Return the path of a service's socket."""
        return f"{self.folder}/{service}.sock"

    def create_folder(self) -> None:
        """Create the folder, empty and with mode 0700.

        Raises:
            UnsafePathError: Somebody else made it, or a link in its place.
            OSError: It can't be created.
        """
        self.remove_folder()
        make_own_folder(self.folder)
        os.chmod(self.folder, 0o700)

    def remove_folder(self) -> None:
        """Remove the folder, also what a killed lab left in it.

        Raises:
            UnsafePathError: It is not this user's.
        """
        if is_own_folder(self.folder):
            with suppress(FileNotFoundError):
                shutil.rmtree(self.folder)

    def listens(self, service: str) -> bool:
        """Return whether a service listens; takes about 50 µs.

        Raises:
            UnsafePathError: The folder is not this user's.
        """
        if not is_own_folder(self.folder):
            return False
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            try:
                client.connect(self.path(service))
            except BlockingIOError:
                return True  # it is busy: many wait to be accepted
            except OSError:
                return False
        return True
