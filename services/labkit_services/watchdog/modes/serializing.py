"""Mode serializing: one process a request, its whole output the response.

As of-watchdog's ``executor/serializing_fork_runner.go``: like the classic
watchdog, but stderr goes to the log, and if the function fails, the response
says only how.
"""

from __future__ import annotations

import time

from labkit_services.contract.durations import format_duration
from labkit_services.contract.headers import DURATION_SECONDS
from labkit_services.http import Request, Response
from labkit_services.http.headers import Pair
from labkit_services.watchdog.command import CannotStartError
from labkit_services.watchdog.modes.buffered import BufferedBackend, Outcome, read_body, respond_with
from labkit_services.watchdog.request_variables import of_watchdog_variables


class SerializingBackend(BufferedBackend):
    """Responds as of-watchdog does when it waits for a process's end."""

    async def respond(self, request: Request) -> Response:
        """Run the function's process once."""
        started_at = time.perf_counter()
        self._log.line(f"Running: {self._config.fprocess} - Path: {request.path}")
        body = await read_body(request)
        environ = self._program.environ_for(request, of_watchdog_variables)
        kill_message = f"Function was killed by ExecTimeout: {format_duration(self._config.exec_timeout)}"
        try:
            outcome, _ = await self.run(request, body, environ, kill_message=kill_message)
        except CannotStartError as error:
            return self._response(500, error.headline.encode(), time.perf_counter() - started_at)
        seconds = time.perf_counter() - started_at
        self._write_log(outcome, seconds)
        if outcome.success:
            return respond_with(200, self._headers(seconds), b"", outcome.output)
        outcome.output.close()
        return self._response(500, outcome.describe().encode(), seconds)

    def _write_log(self, outcome: Outcome, seconds: float) -> None:
        if outcome.errors:
            for line in outcome.shown_errors().split("\n"):
                self._program.log_line("stderr", line.removesuffix("\r"))
        if not outcome.success:
            self._log.line(outcome.describe())
        self._log.line(f"Took {seconds:.6f} secs")

    def _response(self, status: int, body: bytes, seconds: float) -> Response:
        return Response(status, self._headers(seconds), body)

    def _headers(self, seconds: float) -> list[Pair]:
        return [("Content-Type", self._config.content_type), (DURATION_SECONDS, f"{seconds:.6f}")]
