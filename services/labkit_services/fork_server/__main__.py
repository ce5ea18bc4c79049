"""``python -m labkit_services.fork_server CONTROL``: imports the services, then forks on request.

CONTROL is the number of an inherited descriptor: the socket on which requests come in.
"""

from __future__ import annotations

import time

_IMPORTS_NS = time.time_ns()

import gc  # noqa: E402

# What is imported from here on stays for good; the collector would only look at it again and again.
# Without it the imports take a tenth less.
gc.disable()

import json  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from contextlib import suppress  # noqa: E402
from importlib import import_module  # noqa: E402

from labkit_services.fork_server.child import be  # noqa: E402
from labkit_services.fork_server.server import ForkServer  # noqa: E402
from labkit_services.runtime.service import raise_open_file_limit  # noqa: E402

_LIFELINE = 0
_SERVICES = ("gateway", "queue_worker", "inspector", "watchdog")


def main() -> None:
    """Serve requests; in each child, be the service that was asked for."""
    raise_open_file_limit()  # each child takes two
    with suppress(ImportError):
        import uvloop  # noqa: F401 - the runtime's, when it starts a loop
    for name in _SERVICES:
        # One that can't be imported is told to whoever asks for it: its child tries again.
        with suppress(Exception):
            import_module(f"labkit_services.{name}.__main__")
    # In a child the collector would write to each object that it looks at, and so copy the pages that are
    # shared: a watchdog would have 14 MB of its own instead of 6.
    gc.freeze()
    facts = {
        "ready": "fork-server",
        "pid": os.getpid(),
        "imports_ns": _IMPORTS_NS,
        "ready_ns": time.time_ns(),
    }
    with suppress(OSError):  # nobody reads it any more, which the lifeline will say, too
        os.write(1, json.dumps(facts).encode() + b"\n")
    server = ForkServer(socket.socket(fileno=int(sys.argv[1])), _LIFELINE)
    birth = server.serve()
    if birth is not None:
        be(birth)


if __name__ == "__main__":
    main()
