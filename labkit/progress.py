"""A progress bar in notebook and terminal."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from labkit.measuring import OnProgress, Progress

T = TypeVar("T")

_TICK_SECONDS = 0.1


def with_bar(total: int, description: str, start: Callable[[OnProgress], Future[T]], *, show: bool) -> T:
    """Run work on the hub and show how far it is; return its result.

    The bar is drawn by the calling thread, never by the hub's: what another
    thread prints ends up in whichever cell is newest.
    """
    steps: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    future = start(steps.put)
    bar = _bar(total, description) if show else None
    try:
        while not future.done():
            _advance(bar, steps, _TICK_SECONDS)
        while not steps.empty():
            _advance(bar, steps, 0)
        return future.result()
    except BaseException:
        # The stop button: what runs on the hub for us is to end as well.
        future.cancel()
        raise
    finally:
        if bar is not None:
            bar.close()


def _advance(bar: Any, steps: queue.SimpleQueue[Progress], patience: float) -> None:
    try:
        step = steps.get(timeout=patience)
    except queue.Empty:
        return
    if bar is not None:
        bar.set_postfix_str(f"{step.answered} answered", refresh=False)
        bar.update(step.over - bar.n)


def _bar(total: int, description: str) -> Any:
    if "ipykernel" in sys.modules:
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm  # type: ignore[assignment]
    return tqdm(total=total, desc=description, unit="call", leave=True)
