"""Mode serializing: one process a request, its whole output the answer.

As of-watchdog's ``executor/serializing_fork_runner.go``: like the classic watchdog,
but stderr goes to the log, and of a function that failed the answer is only how.
"""

from __future__ import annotations

import time

from labkit_services.contract.durations import format_duration
from labkit_services.contract.names import DURATION_SECONDS
from labkit_services.http import Request, Response
from labkit_services.watchdog.buffered import BODY_LIMIT, Buffered
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.environ import of_watchdog_variables
from labkit_services.watchdog.process import Outcome


class Serializing(Buffered):
    """Answers as of-watchdog does when it waits for a process's end."""

    async def answer(self, request: Request) -> Response:
        """Run the function's process once."""
        begun = time.perf_counter()
        self._log.line(f"Running: {self._config.fprocess} - Path: {request.path}")
        body = await request.body(BODY_LIMIT)
        environ = self._function.environ_for(request, of_watchdog_variables)
        last_words = f"Function was killed by ExecTimeout: {format_duration(self._config.exec_timeout)}"
        try:
            outcome, _ = await self.run(request, body, environ, last_words=last_words)
        except CannotStartError as error:
            return self._respond(500, error.headline.encode(), time.perf_counter() - begun)
        seconds = time.perf_counter() - begun
        self._note(outcome, seconds)
        if outcome.success:
            return self._respond(200, outcome.output, seconds)
        return self._respond(500, outcome.describe().encode(), seconds)

    def _note(self, outcome: Outcome, seconds: float) -> None:
        lines = self._function.lines()
        for line in outcome.errors.decode("utf-8", "replace").splitlines():
            lines.write("stderr", line)
        if not outcome.success:
            self._log.line(outcome.describe())
        self._log.line(f"Took {seconds:.6f} secs")

    def _respond(self, status: int, body: bytes, seconds: float) -> Response:
        headers = [("Content-Type", self._config.content_type), (DURATION_SECONDS, f"{seconds:.6f}")]
        return Response(status, headers, body)
