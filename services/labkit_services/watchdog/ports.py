"""Free ports for functions that listen themselves."""

from __future__ import annotations

import socket
import sys


def reserve_port() -> tuple[int, socket.socket | None]:
    """Return a free port on 127.0.0.1, and a socket that reserves it.

    On Linux two sockets with SO_REUSEADDR, which servers set, can be bound to
    one port as long as only one listens. Elsewhere there is a moment in which
    another process may take the port: then the function fails, and the gateway
    restarts it.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = int(holder.getsockname()[1])
    if sys.platform.startswith("linux"):
        return port, holder
    holder.close()
    return port, None
