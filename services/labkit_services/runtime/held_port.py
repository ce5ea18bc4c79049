"""TCP ports that nobody else gets while nobody listens on them.

On Linux a second socket is bound to a port only if it and the first one have
SO_REUSEADDR, and the first one does not listen (socket(7)). Servers set
SO_REUSEADDR, because connections in TIME_WAIT would block the port otherwise.
"""

from __future__ import annotations

import socket
import sys
from typing import Self

_BACKLOG = 2048
_IS_SUPPORTED = sys.platform.startswith("linux")


class HeldPort:
    """A socket that several processes share, so that the port stays taken.

    It keeps others from the port whether it listens or not, and connections
    are refused when it does not. One process holds it, gives its descriptor to
    the process that listens, and shuts it when that has ended. It begins to
    listen in two system calls: only between these could somebody be quicker.
    """

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound

    @classmethod
    def take(cls, host: str, port: int) -> Self | None:
        """Take a port, 0 for any free one; None where it can't be held.

        Raises:
            OSError: It is in use, or forbidden.
        """
        if not _IS_SUPPORTED:
            return None
        # A port that the system chose at bind() is lost at shutdown().
        number, holder = (port, None) if port else reserve_port(host)
        bound = socket.socket(_family(host))
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, number))
            bound.listen(_BACKLOG)  # of two that were bound at once, one gets no further
        except BaseException:
            bound.close()
            raise
        finally:
            if holder:
                holder.close()
        held = cls(bound)
        held.shut()
        return held

    @classmethod
    def inherited(cls, descriptor: int) -> Self | None:
        """Return the one that this process was started with; -1 is none."""
        if descriptor < 0:
            return None
        bound = socket.socket(fileno=descriptor)
        bound.set_inheritable(False)
        return cls(bound)

    @property
    def number(self) -> int:
        """The port."""
        return int(self._socket.getsockname()[1])

    @property
    def descriptor(self) -> int:
        """What a child process inherits."""
        return self._socket.fileno()

    def listen(self) -> socket.socket:
        """Listen; return a socket for the server, which may close it."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        return self._socket.dup()

    def shut(self) -> None:
        """Refuse connections, in every process; idempotent.

        The server's own socket must be closed.
        """
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        # After a shutdown while it does not listen, connections that it
        # accepts later are closed at once: they inherit that state.
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give up this process's share."""
        self._socket.close()


def reserve_port(host: str = "127.0.0.1") -> tuple[int, socket.socket | None]:
    """Return a free port, and a socket that reserves it.

    For a server that binds the port itself: the system gives the port to
    nobody who asks for any. Elsewhere than on Linux there is a moment in which
    it does.
    """
    holder = socket.socket(_family(host))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    port = int(holder.getsockname()[1])
    if _IS_SUPPORTED:
        return port, holder
    holder.close()
    return port, None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
