"""The Jupyter server that a kernel belongs to: a lab's owner, and its proxy.

Several notebooks share a workspace's lab. So it must not end when the kernel
that happened to start it is restarted, but with the server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from labkit.clients.caller import in_kernel
from labkit.workspace import Workspace
from labkit_services.contract.errors import UnsafePathError
from labkit_services.contract.names import JUPYTER_PAGE

SERVER = "LABKIT_JUPYTER_SERVER"
"""The server's process id; ``labkit.jupyter`` sets it for kernels."""

ADDRESS, ROOT = "LABKIT_JUPYTER_URL", "LABKIT_JUPYTER_ROOT"
"""The server's URL, or on a Hub only its path, and its folder."""


def offer_to_kernels() -> None:
    """Make this process, a Jupyter server, the owner of its kernels' labs."""
    os.environ[SERVER] = str(os.getpid())


def offer_address(url: str, base: str, root: str) -> None:
    """Tell kernels and terminals where this Jupyter server is.

    On a Hub the address at which browsers find it is often not known.
    """
    address = urlsplit(url)._replace(path=base, query="", fragment="").geturl()
    if os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        address = os.environ.get("JUPYTERHUB_PUBLIC_URL") or base
    os.environ[ADDRESS] = f"{address.rstrip('/')}/"
    os.environ[ROOT] = os.fspath(root)


def proxied_address(workspace: Workspace, path: str = JUPYTER_PAGE) -> str:
    """Return where Jupyter's server proxies to a workspace's lab, or "".

    On a Hub that does not tell its address it begins with a slash.
    """
    address, root = os.environ.get(ADDRESS), os.environ.get(ROOT)
    if not address or not root:
        return ""
    try:
        served = Workspace.of_folder(root)
    except UnsafePathError:
        return ""
    return f"{address}{path}/" if served.root == workspace.root else ""


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
