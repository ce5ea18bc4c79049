"""Run the supervisor: ``python -m labkit.supervisor SETTINGS``, as JSON."""

from __future__ import annotations

import signal
import sys
import time

_STARTED_NS = time.time_ns()

# Jupyter's stop button signals whole process groups, and so does a terminal's
# Ctrl-C. The lab must end only by its lifeline or by SIGTERM, from the first
# moment on.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)

from labkit.supervisor.guard import end_with, fork_under_guard  # noqa: E402

_GUARD = fork_under_guard() if __name__ == "__main__" else 0

from labkit.supervisor.fork_server_process import ForkServerProcess  # noqa: E402

# Its imports take longest of all, so they start before our own.
_FORK_SERVER = ForkServerProcess.start_if_supported() if __name__ == "__main__" else None

import asyncio  # noqa: E402
import os  # noqa: E402

from labkit.supervisor.settings import Settings  # noqa: E402
from labkit.supervisor.supervisor import Supervisor  # noqa: E402


async def _main() -> int:
    return await Supervisor(Settings.from_json(sys.argv[1], os.environ), _STARTED_NS, _FORK_SERVER).run()


if __name__ == "__main__":
    end_with(_GUARD)
    sys.exit(asyncio.run(_main()))
