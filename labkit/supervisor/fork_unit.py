"""The lab's fork server, kept alive."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from labkit.supervisor.children import Children
from labkit.supervisor.fork_server import ForkServer
from labkit.supervisor.unit import say_exit

SHORT_LIFE_SECONDS = 3.0
"""One that lived no longer is not started again: spawning is slower, but it works."""


class ForkUnit:
    """Starts the fork server again when it ends."""

    def __init__(self, server: ForkServer, children: Children) -> None:
        self._server = server
        self._children = children
        self._process = children.adopt(server.pid, server.lifeline, server.output)
        self._guard = asyncio.get_running_loop().create_task(self._keep_alive())

    def facts(self) -> dict[str, Any]:
        """Return what it said when it was ready; nothing if it is not yet."""
        line = self._process.line
        facts: dict[str, Any] = json.loads(line.result()) if line.done() else {}
        return facts

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
