"""Keeps the fork server running: restarts it when it ends."""

from __future__ import annotations

import asyncio
import json
import logging

from labkit.supervisor.child_process import ChildProcess, describe_exit
from labkit.supervisor.child_processes import ChildProcesses
from labkit.supervisor.fork_server_process import ForkServerProcess
from labkit.supervisor.start_timeline import StartTimeline
from labkit_services.runtime.background_tasks import BackgroundTasks

SHORT_LIFE_SECONDS = 3.0
"""A fork server that lived no longer is not restarted: spawning is slower, but
it works."""


class ForkServerGuard:
    """Watches the fork server's process from now on."""

    def __init__(self, server: ForkServerProcess, processes: ChildProcesses) -> None:
        self._server = server
        self._processes = processes
        self._process = self._adopt()
        self._tasks = BackgroundTasks()
        self._tasks.start(self._keep_alive(), name="keep the fork server running")

    def _adopt(self) -> ChildProcess:
        return self._processes.adopt(self._server.pid, self._server.lifeline, self._server.output)

    def add_start_to(self, timeline: StartTimeline) -> None:
        """Add the times of its start, which are in its ready message."""
        if self._process.line.done():
            message = json.loads(self._process.line.result())
            timeline.add("fork server: python starts", self._server.started_ns, message["imports_ns"])
            timeline.add("fork server: imports", message["imports_ns"], message["ready_ns"])

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            # Shielded: to cancel this task must not cancel the future, which
            # would look as if the process had ended, and it was not killed.
            code = await asyncio.shield(self._process.exited)
            if loop.time() - started < SHORT_LIFE_SECONDS:
                break
            logging.warning("the fork server ended (%s); restarting it", describe_exit(code))
            started = loop.time()
            self._server.start()
            self._process = self._adopt()
        how = describe_exit(code)
        logging.warning("the fork server ended early (%s); processes are spawned from now on", how)
        self._server.abandon()

    async def stop(self) -> None:
        """Kill the fork server: it has no work to finish. Idempotent."""
        await self._tasks.cancel()
        await self._process.kill()
