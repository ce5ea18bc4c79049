"""The base class of the modes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from labkit_services.contract.errors import LabError
from labkit_services.http import Request, Response
from labkit_services.watchdog.program import FunctionProgram


class Backend(ABC):
    """How one mode responds to requests."""

    methods: frozenset[str] | None = None  # the HTTP methods that it takes; None for any
    has_ready_route = True  # ``/_/ready`` is the watchdog's, as in of-watchdog

    def __init__(self, program: FunctionProgram) -> None:
        # Done when the mode's long-lived process has ended by itself; never in
        # a mode without one.
        self.failure: asyncio.Future[LabError] = asyncio.get_running_loop().create_future()
        self._program = program
        self._config = program.config
        self._log = program.log

    async def start(self) -> None:
        """Start the mode's long-lived process, if it has one."""
        return

    async def stop(self) -> None:
        """End the mode's long-lived process, if it has one."""
        return

    async def is_ready(self) -> bool:
        """Return whether the function is ready; without a process it is."""
        return True

    @abstractmethod
    async def respond(self, request: Request) -> Response:
        """Return the response to one request."""
