"""The background event loop, and the ways to its coroutines from outside.

One daemon thread runs one event loop for all of this process's lab I/O. The
notebook kernel's own loop would not do: it stands still while a cell blocks,
and the lab's connections and live views must not. What a learner can do is
written once, as coroutines: ``blocking`` makes a waiting method of each,
``proxy`` lets them be awaited from any event loop.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, overload

from labkit.clients.supervisor import CHANGE_SECONDS
from labkit.errors import WrongThreadError
from labkit.handlers.waiting_thread import WAITING_THREAD
from labkit.lab.arguments import bound, checked, reported
from labkit.lab.interrupts import add_to_line, cancelled, interruption, short_interrupt
from labkit.lab.loop_work import LoopWork
from labkit_services.contract.errors import LabTimeoutError

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

MANAGE_SECONDS = CHANGE_SECONDS + 10.0
"""Timeout of methods without a ``timeout`` parameter: longer than any of the
lab's commands takes."""
GRACE_SECONDS = 5.0
"""Added to a coroutine's own timeout, which comes first because its error can
say more."""
_CANCEL_SECONDS = 0.5
"""How long the end of a cell waits for the clean-up of a cancelled coroutine,
which goes on beyond that: the stop button ends a cell within a second."""
_STILL_ENDING = "the fault is ending, which takes a few seconds"
_EXIT_SECONDS = 1.0
_TICK_SECONDS = 0.05
_WAKE_SECONDS = 0.2


class BackgroundLoop:
    """A daemon thread that runs an event loop."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="labkit-background-loop", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def run(
        self,
        coroutine: Coroutine[Any, Any, T],
        timeout: float,
        *,
        meanwhile: Callable[[], None] | None = None,
        cancels: bool = True,
    ) -> T:
        """Run ``coroutine`` on the background loop and wait for its result.

        Jupyter's stop button (KeyboardInterrupt) cancels the coroutine, and
        its clean-up comes before the end of the cell; the lab keeps running.

        Args:
            coroutine: What to run.
            timeout: Seconds to wait.
            cancels: Whether the stop button cancels it. What leaves something
                half done otherwise, such as the end of a fault, is given time
                to finish.
            meanwhile: Called in the waiting thread every now and then, and
                once at the end: output belongs to the cell whose thread prints
                it.

        Raises:
            LabTimeoutError: It took longer than ``timeout`` seconds.
            WrongThreadError: Called on the background thread, which would wait
                for itself.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise WrongThreadError(next_step="await the coroutine instead: lab.aio")
        text = interruption(coroutine)
        # An asynchronous call must not wait for its own handler.
        attends = getattr(coroutine, "__name__", "") != "invoke_async"
        work = LoopWork(coroutine, self.loop)
        with short_interrupt(lambda: text):
            try:
                work.begin()
                if not _wait(work.ended, timeout, meanwhile, attends=attends):
                    raise LabTimeoutError(
                        expected=f"completion within {timeout:g} s",
                        next_step="look at the lab with: lab.status()",
                    )
            except BaseException as error:
                if cancels or not isinstance(error, KeyboardInterrupt):
                    work.cancel()
                work.ended.wait(_CANCEL_SECONDS)
                raise
        return work.result()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> LoopWork[T]:
        """Run ``coroutine`` on the background loop, without waiting for it."""
        work = LoopWork(coroutine, self.loop)
        work.begin()
        return work

    async def awaitable(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the background loop, awaited on another.

        If the caller is cancelled, so is the coroutine, and its clean-up comes
        first.
        """
        text = interruption(coroutine)
        caller = asyncio.get_running_loop()
        ended = caller.create_future()
        work = LoopWork(coroutine, self.loop, lambda: _call_soon(caller, partial(ended.set_result, None)))
        work.begin()
        try:
            while not ended.done():
                # Not for ever: a signal handler that cancels, such as a
                # kernel's, does not wake up a loop that waits.
                await asyncio.wait({ended}, timeout=_WAKE_SECONDS)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({ended}, timeout=_CANCEL_SECONDS)
            raise cancelled(text) from None
        return work.result()

    def close(self) -> None:
        """Cancel what still runs on the loop; end the loop and its thread.

        Not in a forked child, which has no such thread: its copies of the
        tasks end unreported.
        """
        if self.pid != os.getpid():
            self.loop.set_exception_handler(lambda _loop, _context: None)
            return
        asyncio.run_coroutine_threadsafe(self._finish(), self.loop)
        self._thread.join(2 * _EXIT_SECONDS)

    async def _finish(self) -> None:
        # Open connections would print warnings if the loop ended under them.
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_EXIT_SECONDS)
        self.loop.stop()


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the caller's loop is closed: it waits no more
        loop.call_soon_threadsafe(callback)


def _wait(
    ended: threading.Event, timeout: float, meanwhile: Callable[[], None] | None, *, attends: bool
) -> bool:
    if attends and WAITING_THREAD.applies():
        return WAITING_THREAD.wait(ended, timeout, meanwhile or (lambda: None))
    if meanwhile is None:
        return ended.wait(timeout)
    deadline = time.monotonic() + timeout
    while not ended.wait(_TICK_SECONDS) and time.monotonic() < deadline:
        meanwhile()
    meanwhile()
    return ended.is_set()


_loop: BackgroundLoop | None = None
_lock = threading.Lock()


def _renew_lock_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # a thread that does not exist in the child may hold the other one


os.register_at_fork(after_in_child=_renew_lock_in_child)


def background_loop() -> BackgroundLoop:
    """Return this process's background loop; a forked child starts its own."""
    global _loop
    with _lock:
        if _loop is None or _loop.pid != os.getpid():
            _loop = BackgroundLoop()
            atexit.register(_loop.close)
        return _loop


# -- methods that wait


_Coroutine = Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]
_Method = Callable[Concatenate[Any, P], T]


@overload
def blocking(method: _Coroutine[P, T]) -> _Method[P, T]: ...
@overload
def blocking(method: _Coroutine[P, T], then: Callable[[T], R]) -> _Method[P, R]: ...
@overload
def blocking(method: _Method[P, T]) -> _Method[P, T]: ...
@overload
def blocking(method: _Method[P, T], then: Callable[[T], R]) -> _Method[P, R]: ...
def blocking(method: Callable[..., Any], then: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
    """Return a method that runs the coroutine ``method`` and waits for it.

    Signature and docstring are kept. If it has a ``timeout`` parameter, that
    is also how long the caller waits.

    Args:
        method: A method of the object in ``self._async``. One that is no
            coroutine is just called.
        then: Converts its result into what the caller gets.
    """
    signature = inspect.signature(method)
    waits = inspect.iscoroutinefunction(method)

    @wraps(method)
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        arguments = bound(method, (self._async, *args), kwargs)
        with reported(method.__name__):
            own = getattr(self._async, method.__name__)  # a subclass may have its own
            result = own(*arguments.args[1:], **arguments.kwargs)
            if waits:
                timeout = arguments.arguments.get("timeout", MANAGE_SECONDS)
                result = background_loop().run(result, timeout + GRACE_SECONDS)
            return result if then is None else then(result)

    if then is not None:  # a notebook shows the signature as a tooltip
        returns = then if isinstance(then, type) else inspect.Signature.empty
        call.__signature__ = signature.replace(return_annotation=returns)  # type: ignore[attr-defined]
    return call


def finish_interrupted(leaving: Coroutine[Any, Any, Any], interrupt: KeyboardInterrupt, text: str) -> None:
    """Run the end of a block that the stop button has ended.

    If it takes longer than a moment, it goes on in the background, and
    ``text`` says so in the interrupt's message.
    """
    work = background_loop().begin(leaving)
    with short_interrupt(lambda: text):  # pressed twice
        if not work.ended.wait(_CANCEL_SECONDS):
            add_to_line(interrupt, text)


class DualContextManager(AbstractContextManager[None], AbstractAsyncContextManager[None]):
    """Context manager for both ``with`` and ``async with``."""

    def __init__(self, manager: AbstractAsyncContextManager[None]) -> None:
        self._manager = manager

    def __repr__(self) -> str:
        return "<context manager, for a with block>"

    def __enter__(self) -> None:
        background_loop().run(self._manager.__aenter__(), MANAGE_SECONDS + GRACE_SECONDS)

    def __exit__(self, *raised: Any) -> bool | None:
        leaving = self._manager.__aexit__(*raised)
        if isinstance(raised[1], KeyboardInterrupt):
            finish_interrupted(leaving, raised[1], _STILL_ENDING)
            return None
        return background_loop().run(leaving, MANAGE_SECONDS + GRACE_SECONDS, cancels=False)

    async def __aenter__(self) -> None:
        await background_loop().awaitable(self._manager.__aenter__())

    async def __aexit__(self, *raised: Any) -> bool | None:
        leaving = self._manager.__aexit__(*raised)
        if isinstance(raised[1], asyncio.CancelledError):
            work = background_loop().begin(leaving)
            if not await asyncio.to_thread(work.ended.wait, _CANCEL_SECONDS):
                add_to_line(raised[1], _STILL_ENDING)
            return None
        return await background_loop().awaitable(leaving)


# -- coroutines for any event loop


class LoopBound:
    """Marks a class whose objects are bound to the background loop."""


class LoopProxy:
    """Proxy for an object bound to the background loop.

    Its coroutines can be awaited from any event loop. Results that are bound
    to the background loop are proxies, too.
    """

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if inspect.iscoroutinefunction(value):

            @wraps(value)
            async def call(*args: Any, **kwargs: Any) -> Any:
                arguments = bound(value.__func__, (value.__self__, *args), kwargs)
                with reported(name):
                    work = value.__func__(*arguments.args, **arguments.kwargs)
                    return proxy(await background_loop().awaitable(work))

            return call
        if inspect.ismethod(value):
            method = checked(value.__func__)
            return wraps(value)(lambda *args, **kwargs: proxy(method(value.__self__, *args, **kwargs)))
        return value

    def __repr__(self) -> str:
        return f"{self._target!r}.aio"


def proxy(value: T) -> T:
    """Return ``value`` with proxies in place of loop-bound objects."""
    if isinstance(value, list):
        return cast(T, [proxy(item) for item in value])
    return cast(T, LoopProxy(value)) if isinstance(value, LoopBound) else value
