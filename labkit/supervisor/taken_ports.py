"""Which preferred port was taken, and by whom: a lab says so.

A learner who types the port of the lesson would reach another program.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

_LISTENING = "0A"


def port_note(service: str, preferred: int, url: str) -> str:
    """Return why a service listens on another port; "" if it does not."""
    port = urlsplit(url).port
    if not preferred or port == preferred:
        return ""
    holder = _holder(preferred)
    if not holder and _is_forbidden(preferred):
        problem = "can't be used without root's rights"
    else:
        problem = "was in use" + (f", by {holder}" if holder else "")
    return f"port {preferred} {problem}, so the {service} has port {port}"


def _is_forbidden(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return True
        except OSError:
            return False
    return False


def _holder(port: int) -> str:
    """Return the process that listens on a port; "" if it can't be seen.

    Linux only. Processes of other users are not visible.
    """
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for entry in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            for descriptor in (entry / "fd").iterdir():
                if os.readlink(descriptor) in sockets:
                    name = (entry / "comm").read_text(errors="replace").strip()
                    return f"process {entry.name} ({name})"
    return ""


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found
