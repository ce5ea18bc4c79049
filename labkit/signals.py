"""How a program of the lab ends on a signal: by the signal.

A shell goes on with its script if a program that was interrupted exits by
itself, with whatever exit code. Go programs, and so OpenFaaS's, die of it.
The start scripts give SIGINT its default action; what needs a clean-up first
is in a block of ``cleaning_up``.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndingSignal(KeyboardInterrupt):
    """A signal ended a block of ``cleaning_up``; ``number`` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def die_of(cause: KeyboardInterrupt | int) -> NoReturn:
    """End this process by a signal: the number, or what was the interrupt."""
    number = cause if isinstance(cause, int) else getattr(cause, "number", signal.SIGINT)
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # only where the signal's default action is none


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Make a signal that ends the program unwind the block first.

    SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in it; in ``asyncio``
    they cancel the main task. Then the block raises ``EndingSignal``, and
    further signals are ignored until ``die_of``. A signal that a parent has
    this process ignore stays ignored.
    """
    received: list[int] = [signal.SIGINT]

    def unwind(number: int, _: FrameType | None) -> None:
        received[:] = [number]
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)  # whose handler may be asyncio's

    previous: dict[int, Any] = {}
    for number in _ENDING:
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN:
            previous[number] = handler
            unwinding: Callable[[int, FrameType | None], Any] = (
                signal.default_int_handler if number == signal.SIGINT else unwind
            )
            signal.signal(number, unwinding)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        for ignored in previous:
            signal.signal(ignored, signal.SIG_IGN)
        raise EndingSignal(getattr(interrupt, "number", received[0])) from None
    except BaseException:
        _restore(previous)
        raise
    _restore(previous)


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for a block; it is also deleted if a signal ends it."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, cleaning_up():
        yield Path(folder)
