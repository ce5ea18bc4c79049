"""Run the supervisor: ``python -m labkit.supervisor SETTINGS``, settings as JSON."""

from __future__ import annotations

import signal
import sys
import time

_STARTED_NS = time.time_ns()

# Jupyter's stop button reaches whole process groups, and a terminal's Ctrl-C does;
# from its first moment on, the lab ends only by its lifeline or by SIGTERM.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)

from labkit.supervisor.fork_server import ForkServer  # noqa: E402

# Its imports take longest of all, so they begin before our own.
_FORK_SERVER = ForkServer.where_possible() if __name__ == "__main__" else None

import asyncio  # noqa: E402

from labkit.supervisor.settings import Settings  # noqa: E402
from labkit.supervisor.supervisor import Supervisor  # noqa: E402


async def _live() -> int:
    return await Supervisor(Settings.from_json(sys.argv[1]), _STARTED_NS, _FORK_SERVER).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(_live()))
