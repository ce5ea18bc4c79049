"""A progress bar in notebook and terminal."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from labkit.lab.background_loop import hub
from labkit.lab.measure import OnProgress, Progress

T = TypeVar("T")

_OVERTIME_SECONDS = 10.0
"""The run's own deadline comes first, because it knows more."""


def with_bar(
    total: int,
    description: str,
    work: Callable[[OnProgress], Coroutine[Any, Any, T]],
    patience: float,
    *,
    show: bool,
) -> T:
    """Run work on the hub and show how far it is; return its result.

    The bar is drawn by the calling thread, never by the hub's: what another
    thread prints ends up in whichever cell is newest.
    """
    steps: queue.SimpleQueue[Progress] = queue.SimpleQueue()
    bar = _bar(total, description) if show else None

    def look() -> None:
        while not steps.empty():
            step = steps.get()
            if bar is not None:
                bar.set_postfix_str(f"{step.answered} answered", refresh=False)
                bar.update(step.over - bar.n)

    try:
        return hub().run(work(steps.put), patience + _OVERTIME_SECONDS, meanwhile=look)
    finally:
        if bar is not None:
            bar.close()


def _bar(total: int, description: str) -> Any:
    if _in_notebook():
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm  # type: ignore[assignment]
    return tqdm(total=total, desc=description, unit="call", leave=True)


def _in_notebook() -> bool:
    """Tell whether this is a kernel: IPython in a terminal has a shell too, but no kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
