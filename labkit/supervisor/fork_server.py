"""The lab's fork server: started before anything else, and again when it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncio

    from labkit.supervisor.children import Children
    from labkit.supervisor.process import Process

SETTING = "LABKIT_FORK_SERVER"
"""Set to 0: every service and every watchdog is spawned."""

SHORT_LIFE_SECONDS = 3.0
"""One that lived no longer is not started again: spawning is slower, but works."""


class ForkServer:
    """Keeps a fork server running.

    Attributes:
        control: The askers' end of its socket. Requests wait in it while the fork server starts, for
            the first time or again; once it has been given up, they fail at once.
        process: What runs, from ``keep`` on; None once it has been given up.
    """

    def __init__(self) -> None:
        self.control, self._served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._start()

    @classmethod
    def where_possible(cls) -> Self | None:
        """Start a fork server; None on systems that can't have one, and where it is not wanted."""
        possible = sys.platform.startswith("linux") and hasattr(os, "pidfd_open")
        return cls() if possible and os.environ.get(SETTING) != "0" else None

    def _start(self) -> None:
        source, self._lifeline = os.pipe()
        self._output, sink = os.pipe()
        number = self._served.fileno()
        child = subprocess.Popen(  # noqa: S603 - our own module
            # -P: a learner's random.py in the workspace must not be imported for Python's.
            [sys.executable, "-P", "-m", "services.fork_server", str(number)],
            stdin=source,
            stdout=sink,
            pass_fds=(number,),
            process_group=0,
        )
        child.returncode = 0  # not Popen's to wait for
        os.close(source)
        os.close(sink)
        self._pid = child.pid
        self._started_at = time.monotonic()

    def keep(self, children: Children) -> None:
        """Start it again whenever it ends, until ``stop``."""
        # Here, because the fork server was to run before this process imported asyncio: 0.1 s sooner.
        import asyncio

        self._adopt(children)
        self._keeping = asyncio.get_running_loop().create_task(self._keep(children))

    def _adopt(self, children: Children) -> None:
        self.process = children.adopt(self._pid, self._lifeline, self._output)

    async def _keep(self, children: Children) -> None:
        import logging

        while self.process is not None:
            code = await self.process.exited
            self.process = None
            lived = time.monotonic() - self._started_at
            if lived > SHORT_LIFE_SECONDS:
                logging.warning("the fork server ended (%d); it is started again", code)
                self._start()
                self._adopt(children)
        logging.warning("the fork server ended (%d) after %.1f s: from now on we spawn", code, lived)
        self._served.close()

    async def stop(self) -> None:
        """End it; idempotent. It has nothing to finish."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self.process is not None:
            await self.process.kill()
