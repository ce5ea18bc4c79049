"""Two flavours of one interface: coroutines, and methods that wait.

What a learner can do is written once, as coroutines of classes that live on the hub's
loop. ``blocking`` makes of such a coroutine a method that waits for it; ``lend``
makes an object whose coroutines may be awaited on any loop.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.lab.background_loop import hub

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

MANAGE_SECONDS = CHANGE_SECONDS + 10.0
"""Patience for what has no ``timeout`` of its own; longer than any of the lab's own commands may take."""
_OVERTIME_SECONDS = 5.0
"""The deadline inside comes first, because it knows more; the hub's own is the net below it."""


class OnHub:
    """The coroutines of a subclass run on the hub's loop."""


@overload
def blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]: ...


@overload
def blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], then: Callable[[T], R]
) -> Callable[Concatenate[Any, P], R]: ...


def blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, Any]], then: Callable[[Any], Any] | None = None
) -> Callable[Concatenate[Any, P], Any]:
    """Return the method that runs ``method`` of ``self._core`` on the hub, and waits for it.

    Signature and docstring stay. Its ``timeout``, if it has one, is also how long
    the caller waits.

    Args:
        method: A coroutine method of a class on the hub.
        then: Makes what the caller gets of what the coroutine returned.
    """
    signature = inspect.signature(method)

    @wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        given = signature.bind(self._core, *args, **kwargs)
        given.apply_defaults()
        patience = given.arguments.get("timeout", MANAGE_SECONDS)
        result = hub().run(method(self._core, *args, **kwargs), patience + _OVERTIME_SECONDS)
        return result if then is None else then(result)

    if then is not None:  # what a notebook shows as a tooltip
        returns = then if isinstance(then, type) else inspect.Signature.empty
        call.__signature__ = signature.replace(return_annotation=returns)  # type: ignore[attr-defined]
    return call


class Held(AbstractContextManager[T], AbstractAsyncContextManager[T], Generic[T]):
    """What lasts for the length of a ``with`` or an ``async with`` block."""

    def __init__(self, manager: AbstractAsyncContextManager[T], timeout: float = MANAGE_SECONDS) -> None:
        self._manager = manager
        self._patience = timeout + _OVERTIME_SECONDS

    def __repr__(self) -> str:
        return "<for a with block: it begins and ends with the block>"

    def __enter__(self) -> T:
        return hub().run(_enter(self._manager), self._patience)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return hub().run(_exit(self._manager, kind, error, traceback), self._patience)

    async def __aenter__(self) -> T:
        return await hub().awaitable(_enter(self._manager))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await hub().awaitable(_exit(self._manager, kind, error, traceback))


async def _enter(manager: AbstractAsyncContextManager[T]) -> T:
    return await manager.__aenter__()


async def _exit(manager: AbstractAsyncContextManager[Any], *what: Any) -> bool | None:
    return await manager.__aexit__(*what)


class _Lent:
    """Stands before an object that lives on the hub: its coroutines may be awaited on any loop."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if inspect.iscoroutinefunction(value):

            @wraps(value)
            async def call(*args: Any, **kwargs: Any) -> Any:
                return _lent(await hub().awaitable(value(*args, **kwargs)))

            return call
        if inspect.ismethod(value):
            return wraps(value)(lambda *args, **kwargs: _lent(value(*args, **kwargs)))
        return _lent(value)

    def __repr__(self) -> str:
        return f"{self._target!r}.aio"


def _lent(value: Any) -> Any:
    """Return ``value``, or where it lives on the hub, what stands before it."""
    if isinstance(value, list):
        return [_lent(one) for one in value]
    return lend(value) if isinstance(value, OnHub) else value


def lend(target: T) -> T:
    """Return ``target`` with coroutine methods that may be awaited on any loop, types unchanged."""
    return cast(T, _Lent(target))
