"""The function, as every mode gets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labkit_services.contract.headers import CALL_ID
from labkit_services.http import Request
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.log import LineWriter
from labkit_services.watchdog.command import FunctionCommand
from labkit_services.watchdog.config import WatchdogConfig
from labkit_services.watchdog.output import CallEventLines, WatchdogLog
from labkit_services.watchdog.spawner import Spawner


@dataclass(frozen=True, slots=True)
class FunctionProgram:
    """The function that this watchdog runs."""

    config: WatchdogConfig
    command: FunctionCommand
    environ: dict[bytes, bytes]  # the part that is the same for every request
    spawner: Spawner
    log: WatchdogLog  # the function's and the watchdog's
    events: LineWriter  # receives the event rows of the processes
    tasks: BackgroundTasks

    def environ_for(
        self, request: Request, variables: Callable[[Request], dict[bytes, bytes]]
    ) -> Mapping[bytes, bytes]:
        """Return the environment of the process for one request."""
        return self.environ | variables(request) if self.config.cgi_headers else self.environ

    def events_of(self, request: Request) -> CallEventLines:
        """Return the writer of event rows for one request."""
        return CallEventLines(self.events, request.headers.get(CALL_ID))

    def log_line(self, stream: str, line: str) -> None:
        """Log a line of a process's ``stdout`` or ``stderr`` (of-watchdog)."""
        if self.config.prefix_logs:
            self.log.output(f"{stream}: ", line)
        else:
            self.log.writer.copy(line)
