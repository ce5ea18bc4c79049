"""Failure drills: what a learner has go wrong, as coroutines and for a ``with`` block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from labkit.clients.connections import Clients
from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.lab.flavours import Held
from labkit.service_names import GATEWAY, INSPECTOR, NATS_SERVER, QUEUE_WORKER, full_name, is_service
from labkit.views.faults import FaultList, fault_spans
from labkit_services.contract.errors import InvalidValueError, LabTimeoutError

FaultKind = Literal["kill", "stop", "pause", "restart"]
"""``kill`` is SIGKILL, and the lab brings the service back; ``stop`` ends it politely and starts it again
after a while; ``pause`` has it stand still (SIGSTOP) for a while: it holds its connections and does not
answer; ``restart`` ends it politely and starts it again at once."""

FAULT_KINDS = ("kill", "stop", "pause", "restart")


class Service:
    """One service of the lab, to be away for the length of a ``with`` or ``async with`` block.

    Attributes:
        name: ``nats-server``, ``gateway``, ``queue-worker`` or ``inspector``.
    """

    def __init__(self, name: str, lab: AsyncFaults) -> None:
        self.name = name
        self._lab = lab

    def stopped(self) -> Held[None]:
        """Return a block's length without the service: it is ended politely, then started again."""
        return Held(self._lab._lasting("stop", self.name))

    def paused(self) -> Held[None]:
        """Return a block's length in which it stands still: it holds its connections and does not answer."""
        return Held(self._lab._lasting("pause", self.name))

    def __repr__(self) -> str:
        return f"<{self.name}>"


class AsyncFaults:
    """What can go wrong on purpose: one part of ``AsyncLab``.

    The supervisor does it, and notes the beginning and the end in the lab's record.
    """

    clients: Clients

    async def _ask(self, command: str, *, patience: float = 5.0, **arguments: Any) -> Any:
        raise NotImplementedError

    def service(self, name: str) -> Service:
        """Return a service by its name, such as ``queue-worker-2``.

        Raises:
            InvalidValueError: Nothing is called so.
        """
        check_service(name)
        return Service(full_name(name), self)

    @property
    def nats(self) -> Service:
        """The nats-server."""
        return self.service(NATS_SERVER)

    @property
    def gateway(self) -> Service:
        """The gateway."""
        return self.service(GATEWAY)

    @property
    def worker(self) -> Service:
        """The queue-worker; if there are several, the first."""
        return self.service(QUEUE_WORKER)

    @property
    def inspector(self) -> Service:
        """The inspector."""
        return self.service(INSPECTOR)

    def slow_network(self, delay: float = 0.2, *, bandwidth: float = 0.0) -> Held[None]:
        """Return a block's length with a slow network between the queue-workers and the gateway.

        The workers are restarted for it, and again at the end; running calls finish.

        Args:
            delay: Seconds that everything takes, each way.
            bandwidth: Bytes a second in each direction of a connection; 0 is unbounded.
        """
        return Held(self._lasting("slow", QUEUE_WORKER, delay=delay, bandwidth=bandwidth))

    async def fault(
        self,
        service: str,
        kind: FaultKind,
        *,
        after: float = 0.0,
        seconds: float = 1.0,
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Have one thing go wrong; return when it is over.

        Args:
            service: ``nats``, ``gateway``, ``worker`` or ``inspector``; full names will do, too.
            kind: ``kill``, ``stop``, ``pause`` or ``restart``.
            after: Seconds until it begins.
            seconds: How long a ``stop`` or a ``pause`` lasts; the others end by themselves.
            on_begun: Called on the hub's thread when it is there.

        Raises:
            InvalidValueError: There is no such service, or no such fault.
            LabError: The service did not come back.
        """
        check_fault(service, kind, after, seconds)
        await asyncio.sleep(after)
        fault = {"service": service, "kind": kind}
        await self._ask("begin_fault", patience=CHANGE_SECONDS, seconds=seconds, **fault)
        on_begun()
        await self._ask("end_fault", patience=seconds + CHANGE_SECONDS, **fault)

    async def faults(self) -> FaultList:
        """Return what went wrong on purpose, oldest first: drills, whoever did them.

        All since this process first looked into the record, and those of the ten minutes before it.

        Raises:
            LabTimeoutError: The record can't be read.
        """
        feed = await self.clients.feed()
        await feed.caught_up()
        return FaultList(fault_spans(feed.of_lab))

    async def deploy_flaky(
        self, name: str = "flaky", *, failures: int = 2, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Deploy a function that fails in the first ``failures`` attempts at a call, then echoes its body.

        It goes by ``X-Attempt``, which the queue-worker sends; of a synchronous call each is
        the first attempt.

        Args:
            name: The function's name.
            failures: How many attempts fail. As many as there are attempts, and the call dies.
            annotations: OpenFaaS annotations, such as ``com.openfaas.retry.min_wait``.
        """
        await self.clients.gateway.deploy(
            name, fprocess="flaky", env={"failures": str(failures)}, annotations=annotations
        )

    @asynccontextmanager
    async def _lasting(self, kind: str, service: str, **how: float) -> AsyncIterator[None]:
        """Keep a fault up for the length of the block."""
        fault: Mapping[str, Any] = {"service": service, "kind": kind}

        async def end() -> None:
            await self._ask("end_fault", patience=CHANGE_SECONDS, now=True, **fault)

        try:
            await self._ask("begin_fault", patience=CHANGE_SECONDS, **fault, **how)
        except (asyncio.CancelledError, LabTimeoutError):
            await end()  # it may be there, or be about to
            raise
        try:
            yield
        finally:
            await end()


def check_service(service: str) -> None:
    """See that there can be such a service.

    Raises:
        InvalidValueError: There can't; says which there are.
    """
    if not is_service(service) or full_name(service) == "supervisor":
        raise InvalidValueError(
            f"there is no service {service!r}", expected="nats, gateway, worker or inspector"
        )


def check_fault(service: str, kind: str, *seconds: float) -> None:
    """See that there can be such a fault, and such times of it.

    Raises:
        InvalidValueError: There can't; says which there are.
    """
    check_service(service)
    if kind not in FAULT_KINDS:
        raise InvalidValueError(f"there is no fault {kind!r}", expected=", ".join(FAULT_KINDS))
    for value in seconds:
        # What a notebook gives need not be what the types say.
        number: object = value
        if not isinstance(number, int | float) or not 0 <= number < 1e9:
            raise InvalidValueError(
                "this is no time of a fault", expected="seconds, 0 or more", seen=repr(value)
            )
