"""Failure drills in a notebook: one part of ``Lab``."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from labkit.lab.background_loop import hub
from labkit.lab.faults import AsyncFaults, FaultKind, Service, check_fault
from labkit.lab.flavours import MANAGE_SECONDS, Held, blocking
from labkit_services.contract.errors import LabTimeoutError

if TYPE_CHECKING:
    from labkit.lab.async_lab import AsyncLab


class Drills:
    """What can go wrong on purpose."""

    _core: AsyncLab

    def service(self, name: str) -> Service:
        """Return a service by its name, such as ``queue-worker-2``.

        Raises:
            InvalidValueError: Nothing is called so.
        """
        return self._core.service(name)

    @property
    def nats(self) -> Service:
        """The nats-server: ``with lab.nats.stopped():``."""
        return self._core.nats

    @property
    def gateway(self) -> Service:
        """The gateway: ``with lab.gateway.stopped():``."""
        return self._core.gateway

    @property
    def worker(self) -> Service:
        """The queue-worker, if there are several the first: ``with lab.worker.paused():``."""
        return self._core.worker

    @property
    def inspector(self) -> Service:
        """The inspector: ``with lab.inspector.stopped():``."""
        return self._core.inspector

    def slow_network(self, delay: float = 0.2, *, bandwidth: float = 0.0) -> Held[None]:
        """Return a block's length with a slow network between the queue-workers and the gateway.

        The workers are restarted for it, and again at the end; running calls finish.

        Args:
            delay: Seconds that everything takes, each way.
            bandwidth: Bytes a second in each direction of a connection; 0 is unbounded.
        """
        return self._core.slow_network(delay, bandwidth=bandwidth)

    def fault(self, service: str, kind: FaultKind, *, after: float = 0.0, seconds: float = 1.0) -> Fault:
        """Have one thing go wrong while the notebook goes on.

        Args:
            service: ``nats``, ``gateway``, ``worker`` or ``inspector``; full names will do, too.
            kind: ``kill``, ``stop``, ``pause`` or ``restart``.
            after: Seconds until it begins; with 0 it is there when this returns.
            seconds: How long a ``stop`` or a ``pause`` lasts; the others end by themselves.

        Raises:
            InvalidValueError: There is no such service, or no such fault.
        """
        check_fault(service, kind, after, seconds)
        begun = threading.Event()
        work = self._core.fault(service, kind, after=after, seconds=seconds, on_begun=begun.set)
        future = asyncio.run_coroutine_threadsafe(work, hub().loop)
        future.add_done_callback(lambda _: begun.set())
        if not after:
            begun.wait(MANAGE_SECONDS)
        return Fault(f"{kind} of {service}", future)

    faults = blocking(AsyncFaults.faults)
    deploy_flaky = blocking(AsyncFaults.deploy_flaky)


class Fault:
    """A fault that was asked for: to come, there, or over. A ``with`` block waits for its end."""

    def __init__(self, what: str, future: concurrent.futures.Future[None]) -> None:
        self._what = what
        self._future = future

    def wait(self, timeout: float = MANAGE_SECONDS) -> None:
        """Return when it is over and the service is back.

        Raises:
            LabTimeoutError: It took longer.
            LabError: The service did not come back.
        """
        try:
            self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            if self._future.done():
                raise
            raise LabTimeoutError(
                f"{self._what} is not over", expected=f"its end within {timeout:g} s", seen="it goes on"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wait()

    def __repr__(self) -> str:
        return f"<{self._what}: {'over' if self._future.done() else 'to come, or there'}>"
