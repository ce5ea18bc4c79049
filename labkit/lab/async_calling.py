"""Calling functions and seeing what became of it, as coroutines: one half of ``AsyncLab``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from labkit.clients.connections import Clients
from labkit.clients.gateway import Accepted, GatewayClient
from labkit.errors import ServiceError
from labkit.lab.bin import AsyncBin
from labkit.lab.call import AsyncCall
from labkit.lab.flavours import OnHub
from labkit.lab.measure import Measuring
from labkit.lab.queue import AsyncQueue, list_queues
from labkit.service_names import full_name, is_service
from labkit.workspace import Workspace
from labkit_services.call_record.log import Call
from labkit_services.contract.names import DEFAULT_QUEUE

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Part = TypeVar("Part")


@overload
def _through(
    part: Callable[[AsyncCalling], Awaitable[Part]],
    method: Callable[Concatenate[Part, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[AsyncCalling, P], Coroutine[Any, Any, T]]: ...


@overload
def _through(
    part: Callable[[AsyncCalling], Awaitable[Part]],
    method: Callable[Concatenate[Part, P], Coroutine[Any, Any, T]],
    then: Callable[[AsyncCalling, T], R],
) -> Callable[Concatenate[AsyncCalling, P], Coroutine[Any, Any, R]]: ...


def _through(
    part: Callable[[AsyncCalling], Awaitable[Any]],
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Any]],
    then: Callable[[AsyncCalling, Any], Any] | None = None,
) -> Callable[Concatenate[AsyncCalling, P], Coroutine[Any, Any, Any]]:
    """Return a method of the lab that is one of its parts' own: signature and docstring stay."""

    @wraps(method)
    async def call(self: AsyncCalling, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        result = await method(await part(self), *args, **kwargs)
        return result if then is None else then(self, result)

    return call


async def _gateway(lab: AsyncCalling) -> GatewayClient:
    return lab.clients.gateway


async def _recorded_gateway(lab: AsyncCalling) -> GatewayClient:
    lab.clients.follow()
    return lab.clients.gateway


async def _measuring(lab: AsyncCalling) -> Measuring:
    return await lab.clients.measuring()


class AsyncCalling(OnHub):
    """What a learner does with a lab that is ready."""

    clients: Clients
    workspace: Workspace

    deploy = _through(_gateway, GatewayClient.deploy)
    remove = _through(_gateway, GatewayClient.remove)
    functions = _through(_gateway, GatewayClient.functions)

    invoke = _through(_recorded_gateway, GatewayClient.invoke)
    invoke_async = _through(
        _recorded_gateway,
        GatewayClient.invoke_async,
        lambda lab, accepted: AsyncCall(lab.clients, accepted),
    )
    measure = _through(_measuring, Measuring.measure)

    def call(self, call_id: str) -> AsyncCall:
        """Return an asynchronous call by its id, whoever made it."""
        return AsyncCall(self.clients, Accepted(call_id, "", 202, 0.0))

    async def calls(self) -> list[Call]:
        """Return the record of every call, oldest first, whoever made it."""
        feed = await self.clients.feed()
        await feed.caught_up()
        return list(feed.log.calls.values())

    async def bin(self, name: str) -> AsyncBin:
        """Return a request bin: a place of one's own for callbacks."""
        await self.clients.inspector.create(name)
        return AsyncBin(name, self.clients.inspector)

    def queue(self, name: str = DEFAULT_QUEUE) -> AsyncQueue:
        """Return a queue by its name.

        Raises:
            InvalidValueError: No queue can be called so.
        """
        return AsyncQueue(self.clients.gateway, name, self.remember_max_inflight)

    async def queues(self) -> list[AsyncQueue]:
        """Return every queue there is, by name."""
        return [self.queue(found.name) for found in await list_queues(self.clients.gateway)]

    async def set_max_inflight(self, count: int) -> int:
        """Change how many calls a queue-worker runs at once, from now on; return the number in force.

        This is the default queue's; others have theirs: ``lab.queue(name).max_inflight``.
        """
        return await self.queue().set_max_inflight(count)

    async def remember_max_inflight(self, queue: str, count: int) -> None:
        """Have a queue's ``max_inflight`` kept for the workers' next start."""
        raise NotImplementedError

    async def logs(self, name: str, *, tail: int = 100) -> list[str]:
        """Return the last lines of a log: of ``queue-worker``, ``gateway`` …, or of a function."""
        if not is_service(name):
            return await self.clients.gateway.logs(name, tail=tail)
        file = self.workspace.logs / f"{full_name(name)}.log"
        try:
            lines = file.read_text(errors="replace").splitlines()
        except OSError as error:
            raise ServiceError(f"{name} has no log", expected=str(file), seen=str(error.strerror)) from error
        return lines[-tail:]
