"""Run the fork server: ``python -m labkit_services.fork_server CONTROL``.

It imports what the services share, then forks on request. CONTROL is the
number of an inherited descriptor: the socket on which requests arrive.
"""

from __future__ import annotations

import time

_IMPORTS_NS = time.time_ns()

import gc  # noqa: E402

# All imported modules stay for good; the collector would examine them again
# and again. Without it the imports take a tenth less time.
gc.disable()

import json  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from contextlib import suppress  # noqa: E402

from labkit_services.fork_server.child import run_child  # noqa: E402
from labkit_services.fork_server.server import ForkServer, import_service  # noqa: E402
from labkit_services.runtime.service import raise_open_file_limit  # noqa: E402

_LIFELINE = 0
_FIRST = "labkit_services.queue_worker"
"""With it come the modules that all services share."""
_NEXT = ("labkit_services.watchdog",)
"""Imported while the other services start."""


def main() -> None:
    """Serve requests; in each child, run the requested service."""
    raise_open_file_limit()  # each child takes two
    with suppress(ImportError):
        import uvloop  # noqa: F401 - used by the runtime when it creates an event loop
    import_service(_FIRST)
    times = {"imports_ns": _IMPORTS_NS, "ready_ns": time.time_ns()}
    ready = json.dumps({"ready": "fork-server", "pid": os.getpid(), **times})
    with suppress(OSError):  # the reader has ended, and so will the lifeline
        os.write(1, ready.encode() + b"\n")
    server = ForkServer(socket.socket(fileno=int(sys.argv[1])), _LIFELINE)
    if child := server.serve(_NEXT):
        run_child(child)


if __name__ == "__main__":
    main()
