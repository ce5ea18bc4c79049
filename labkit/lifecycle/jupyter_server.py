"""The Jupyter server that a kernel belongs to, as the owner of a lab.

Several notebooks share a workspace's lab. So it must not end when the kernel
that happened to start it is restarted, but with the server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.clients.caller import in_kernel

SERVER = "LABKIT_JUPYTER_SERVER"
"""The server's process id; ``labkit.jupyter`` sets it for kernels."""


def offer_to_kernels() -> None:
    """Make this process, a Jupyter server, the owner of its kernels' labs."""
    os.environ[SERVER] = str(os.getpid())


@contextmanager
def server_lifeline() -> Iterator[int | None]:
    """Yield a descriptor that is readable once the kernel's server has ended.

    None if this process is no kernel of a server with labkit's extension (in
    nbval or VS Code there is no such server), or on systems without pidfds.
    """
    server = os.getppid()
    descriptor = None
    if in_kernel() and os.environ.get(SERVER) == str(server):
        try:
            descriptor = os.pidfd_open(server)
        except (AttributeError, OSError):
            descriptor = None
    try:
        # Else the server has ended meanwhile, and another process may have its
        # id.
        yield descriptor if os.getppid() == server else None
    finally:
        if descriptor is not None:
            os.close(descriptor)
