"""One process a request, which gets the whole body at once and whose whole output is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from labkit_services.http import Request
from labkit_services.watchdog.backend import Backend
from labkit_services.watchdog.process import Outcome

BODY_LIMIT = 256 * 1024 * 1024
"""The gateway bounds bodies. This is a guard against clients that come around it."""


class Buffered(Backend):
    """What the modes classic and serializing have in common."""

    async def run(
        self, request: Request, body: bytes, environ: Mapping[bytes, bytes], *, last_words: str
    ) -> tuple[Outcome, bool]:
        """Run the function's process once; return also whether ``exec_timeout`` has ended it.

        Args:
            request: What it is for.
            body: Its standard input.
            environ: Its environment.
            last_words: What the log shall say when its time is up.

        Raises:
            CannotStartError: It does not start.
        """
        function = self._function
        execution = function.forker.start(function.command, environ, body, function.events_of(request))
        killed = False

        def expire() -> None:
            nonlocal killed
            killed = True
            self._log.line(last_words)
            execution.kill()

        timer = None
        if self._config.exec_timeout:
            timer = asyncio.get_running_loop().call_later(self._config.exec_timeout, expire)
        try:
            outcome = await execution.wait()
        except asyncio.CancelledError:
            # The client has gone, or the watchdog ends: nobody wants the answer.
            execution.abandon()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return outcome, killed
