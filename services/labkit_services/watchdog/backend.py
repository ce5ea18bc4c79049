"""What every mode is given of the function, and what it has to do with a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labkit_services.contract.names import CALL_ID
from labkit_services.http import Request, Response
from labkit_services.runtime.log import LineWriter
from labkit_services.watchdog.command import Command
from labkit_services.watchdog.config import Config
from labkit_services.watchdog.output import CallEvents, FunctionLines, WatchdogLog
from labkit_services.watchdog.process import Forker


@dataclass(frozen=True, slots=True)
class Function:
    """The function that this watchdog is for.

    Attributes:
        config: The settings.
        command: What to run.
        environ: The part of a process's environment that is the same for every request.
        forker: Starts its processes.
        log: Its log, which is the watchdog's as well.
        events: Takes rows on its processes.
    """

    config: Config
    command: Command
    environ: dict[bytes, bytes]
    forker: Forker
    log: WatchdogLog
    events: LineWriter

    def environ_for(
        self, request: Request, variables: Callable[[Request], dict[bytes, bytes]]
    ) -> Mapping[bytes, bytes]:
        """Return the environment of the process for one request."""
        return self.environ | variables(request) if self.config.cgi_headers else self.environ

    def events_of(self, request: Request) -> CallEvents:
        """Return what takes the rows on the process for one request."""
        return CallEvents(self.events, request.headers.get(CALL_ID))

    def lines(self) -> FunctionLines:
        """Return what puts a process's lines into the log."""
        return FunctionLines(self.log, prefix=self.config.prefix_logs)


class Backend(ABC):
    """A mode's way to answer.

    Attributes:
        methods: What it takes; None for any.
        tells_ready: Whether ``/_/ready`` is the watchdog's, as in of-watchdog.
    """

    methods: frozenset[str] | None = None
    tells_ready = True

    def __init__(self, function: Function) -> None:
        self._function = function
        self._config = function.config
        self._log = function.log

    async def ready(self) -> bool:
        """Tell whether the function itself is ready; most have nothing running between requests."""
        return True

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """Answer one request."""
