"""Fault injection: service faults for a ``with`` block or a while."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from labkit.clients.supervisor import CHANGE_SECONDS, SupervisorClient
from labkit.lab.background_loop import MANAGE_SECONDS, DualContextManager
from labkit.service_names import full_name, is_service
from labkit.views.faults import FaultKind
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError


class FaultTarget:
    """One service of the lab, for faults that last as long as a block.

    Attributes:
        name: ``nats-server``, ``gateway``, ``queue-worker`` or ``inspector``.
    """

    def __init__(self, name: str, faults: LabFaults) -> None:
        self.name = name
        self._faults = faults

    def stopped(self) -> DualContextManager:
        """Stop the service gracefully for the duration of a ``with`` block."""
        return DualContextManager(self._faults.during(FaultKind.STOP, self.name))

    def paused(self) -> DualContextManager:
        """Pause the service for the duration of a ``with`` block.

        Its connections stay open, and it answers nothing.
        """
        return DualContextManager(self._faults.during(FaultKind.PAUSE, self.name))

    def __repr__(self) -> str:
        return f"<{self.name}>"


class LabFaults:
    """Begins and ends faults, which the supervisor carries out."""

    def __init__(self, supervisor: SupervisorClient) -> None:
        self._supervisor = supervisor

    def target(self, service: str) -> FaultTarget:
        """Return a service by its name, short or full.

        Raises:
            InvalidValueError: There is no such service.
        """
        check_service(service)
        return FaultTarget(full_name(service), self)

    @asynccontextmanager
    async def during(
        self, kind: FaultKind, service: str, *, delay: float = 0.0, bandwidth: float = 0.0
    ) -> AsyncIterator[None]:
        """Keep a fault active for the duration of a block."""
        try:
            await self._supervisor.begin_fault(kind, service, delay=delay, bandwidth=bandwidth)
        except (asyncio.CancelledError, LabTimeoutError):
            # The supervisor may have begun it, or be about to.
            await self._supervisor.end_fault(kind, service, now=True)
            raise
        try:
            yield
        finally:
            await self._supervisor.end_fault(kind, service, now=True)

    async def inject(
        self, service: str, kind: str, *, after: float, seconds: float, on_begun: Callable[[], None]
    ) -> None:
        """Begin a fault after a while, and wait until it is over."""
        check_fault(service, kind, after, seconds)
        await asyncio.sleep(after)
        await self._supervisor.begin_fault(FaultKind(kind), service, seconds=seconds)
        on_begun()
        await self._supervisor.end_fault(
            FaultKind(kind), service, now=False, timeout=seconds + CHANGE_SECONDS
        )


class FaultHandle:
    """A fault that was injected; a ``with`` block waits for its end."""

    def __init__(self, description: str, future: concurrent.futures.Future[None]) -> None:
        self._description = description
        self._future = future

    def wait(self, timeout: float = MANAGE_SECONDS) -> None:
        """Return when the fault is over and the service is back.

        Raises:
            LabTimeoutError: It took longer.
            LabError: The service did not come back.
        """
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

    def __exit__(self, *_: object) -> None:
        self.wait()

    def __repr__(self) -> str:
        return f"<{self._description}: {'over' if self._future.done() else 'scheduled or active'}>"


def check_service(service: str) -> None:
    """Check the name of a service that can have a fault.

    Raises:
        InvalidValueError: There is no such service.
    """
    if not is_service(service) or full_name(service) == "supervisor":
        raise InvalidValueError(
            f"there is no service {service!r}", expected="nats, gateway, worker or inspector"
        )


def check_fault(service: str, kind: str, *durations: float) -> None:
    """Check a fault of one service, and its times in seconds.

    Raises:
        InvalidValueError: There is no such service or fault, or a time is out of range.
    """
    check_service(service)
    kinds = [known for known in FaultKind if known is not FaultKind.SLOW]  # that is the network's
    if kind not in kinds:
        raise InvalidValueError(f"there is no fault {kind!r}", expected=", ".join(kinds))
    for duration in durations:
        number: object = duration  # a notebook is not type-checked
        if not isinstance(number, int | float) or not 0 <= number < 1e9:
            raise InvalidValueError("duration must be a non-negative number of seconds", seen=repr(number))
