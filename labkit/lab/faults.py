"""Fault injection: service faults for a ``with`` block or a while."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from labkit.clients.supervisor import SupervisorClient
from labkit.lab.arguments import checked
from labkit.lab.background_loop import MANAGE_SECONDS, DualContextManager
from labkit.lab.interrupts import add_to_line, short_interrupt
from labkit.service_names import full_name, is_service
from labkit.views.faults import FaultKind
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError


class FaultTarget:
    """One service of the lab, for faults that last as long as a block.

    Attributes:
        name: ``nats-server``, ``gateway``, ``queue-worker`` or ``inspector``.
    """

    def __init__(self, service: str, supervisor: SupervisorClient) -> None:
        self.name = check_service(service)
        self._supervisor = supervisor

    def stopped(self) -> DualContextManager:
        """Stop the service gracefully for the duration of a ``with`` block."""
        return DualContextManager(during(self._supervisor, FaultKind.STOP, self.name))

    def paused(self) -> DualContextManager:
        """Pause the service for the duration of a ``with`` block.

        Its connections stay open, and it answers nothing.
        """
        return DualContextManager(during(self._supervisor, FaultKind.PAUSE, self.name))

    def __repr__(self) -> str:
        return f"<{self.name}>"


@asynccontextmanager
async def during(
    supervisor: SupervisorClient, kind: FaultKind, service: str, **parameters: float
) -> AsyncIterator[None]:
    """Keep a fault active for the duration of a block."""
    try:
        await supervisor.begin_fault(kind, service, **parameters)
    except (asyncio.CancelledError, LabTimeoutError):
        # The supervisor may have begun it, or be about to.
        await supervisor.end_fault(kind, service, now=True)
        raise
    try:
        yield
    finally:
        await supervisor.end_fault(kind, service, now=True)


class FaultHandle:
    """A fault that was injected; a ``with`` block waits for its end."""

    def __init__(self, description: str, future: concurrent.futures.Future[None]) -> None:
        self._description = description
        self._future = future

    @checked
    def wait(self, timeout: float = MANAGE_SECONDS) -> None:
        """Return when the fault is over and the service is back.

        Raises:
            LabTimeoutError: It took longer.
            LabError: The service did not come back.
        """
        with short_interrupt(lambda: f"{self._description} goes on, and ends by itself"):
            done, _ = concurrent.futures.wait([self._future], timeout)
        if not done:
            raise LabTimeoutError(
                f"{self._description} is not over",
                expected=f"its end within {timeout:g} s",
                seen="it is scheduled or active",
            )
        self._future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if isinstance(raised[1], KeyboardInterrupt):
            add_to_line(raised[1], f"{self._description} ends by itself")
        else:
            self.wait()

    def __repr__(self) -> str:
        return f"<{self._description}: {'over' if self._future.done() else 'scheduled or active'}>"


def check_service(service: str) -> str:
    """Return the full name of a service that can have a fault.

    Raises:
        InvalidValueError: There is no such service.
    """
    name = full_name(service)
    if not is_service(name) or name == "supervisor":
        expected = "nats, gateway, worker or inspector"
        raise InvalidValueError(f"there is no service {service!r}", expected=expected)
    return name


def check_fault(service: str, kind: str, *durations: float) -> None:
    """Check a fault of one service, and its times in seconds.

    Raises:
        InvalidValueError: There is no such service or fault, or a time is out
            of range.
    """
    check_service(service)
    kinds = [known for known in FaultKind if known is not FaultKind.SLOW]  # that is the network's
    if kind not in kinds:
        raise InvalidValueError(f"there is no fault {kind!r}", expected=", ".join(kinds))
    for duration in durations:
        number: object = duration  # a notebook is not type-checked
        if not isinstance(number, int | float) or not 0 <= number < 1e9:
            raise InvalidValueError("duration must be a non-negative number of seconds", seen=repr(number))
