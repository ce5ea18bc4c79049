"""Jupyter's stop button (KeyboardInterrupt) during a call of the lab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

E = TypeVar("E", bound=BaseException)


@contextmanager
def short_interrupt(describe: Callable[[], str]) -> Iterator[None]:
    """Show an interrupt of the block as one line, from ``describe``."""
    try:
        yield
    except KeyboardInterrupt:
        # No subclass: for this very type Python ends a script by SIGINT.
        raise _in_one_line(KeyboardInterrupt(describe())) from None


def cancelled(text: str) -> asyncio.CancelledError:
    """Return the error of an awaited call that was cancelled."""
    return _in_one_line(asyncio.CancelledError(text))


def _in_one_line(error: E) -> E:
    """Have IPython show its message only: no learner needs our frames."""
    vars(error)["_render_traceback_"] = lambda: [f"{type(error).__name__}: {error}"]
    return error
