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

import asyncio  # noqa: E402

from labkit.supervisor.settings import Settings  # noqa: E402
from labkit.supervisor.supervisor import Supervisor  # noqa: E402


async def _live() -> int:
    return await Supervisor(Settings.from_json(sys.argv[1]), _STARTED_NS).run()


if __name__ == "__main__":
    sys.exit(asyncio.run(_live()))
