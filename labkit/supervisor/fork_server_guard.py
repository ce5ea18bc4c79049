"""The lab's fork server, kept alive."""

from __future__ import annotations

import asyncio
import json
import logging

from labkit.supervisor.children import Children
from labkit.supervisor.fork_server import ForkServer
from labkit.supervisor.managed_service import say_exit
from labkit.supervisor.timeline import Timeline

SHORT_LIFE_SECONDS = 3.0
"""One that lived no longer is not started again: spawning is slower, but it works."""


class ForkUnit:
    """Starts the fork server again when it ends."""

    def __init__(self, server: ForkServer, children: Children) -> None:
        self._server = server
        self._children = children
        self._process = children.adopt(server.pid, server.lifeline, server.output)
        self._guard = asyncio.get_running_loop().create_task(self._keep_alive())

    def note_start(self, timeline: Timeline) -> None:
        """Note what the start took, by what the fork server said when it was ready."""
        if self._process.line.done():
            facts = json.loads(self._process.line.result())
            timeline.add("fork server: python starts", self._server.started_ns, facts["imports_ns"])
            timeline.add("fork server: imports", facts["imports_ns"], facts["ready_ns"])

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            code = await self._process.exited
            lived = loop.time() - since
            if lived < SHORT_LIFE_SECONDS:
                break
            logging.warning("the fork server ended (%s); it is started again", say_exit(code))
            since = loop.time()
            self._server.start()
            server = self._server
            self._process = self._children.adopt(server.pid, server.lifeline, server.output)
        logging.warning("the fork server ended early (%s); from now on we spawn", say_exit(code))
        self._server.give_up()

    async def stop(self) -> None:
        """End it at once: it has nothing to finish. Idempotent."""
        self._guard.cancel()
        await self._process.kill()
