"""``breakpoint()`` in a handler that runs in the kernel."""

from __future__ import annotations

import contextlib
import inspect
import pdb
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _Unattended(threading.local):
    """The function whose handler runs in this thread, unseen; or ""."""

    name = ""


_unattended = _Unattended()


class BreakpointHook:
    """Python's ``sys.breakpointhook`` while functions are in debug mode.

    ipykernel imports debugpy, whose hook does nothing unless JupyterLab's
    debugger is on. So without that, it is pdb, whose prompt is in the cell.
    """

    def __init__(self) -> None:
        self._previous: Callable[..., Any] | None = None

    def install(self) -> None:
        """Replace the hook, until ``remove``."""
        self._previous = sys.breakpointhook
        self.choose()

    def choose(self) -> None:
        """Choose the hook for the next call of a handler.

        A debugger that is on has its own; it stops where it is called from.
        """
        if self._previous is not None:
            sys.breakpointhook = self._previous if _debugger_is_on() else self._stop

    def remove(self) -> None:
        """Restore the hook as it was."""
        if self._previous is not None:
            sys.breakpointhook, self._previous = self._previous, None

    def _stop(self, *_: Any, **__: Any) -> None:
        frame = inspect.currentframe()
        if _unattended.name:
            sys.stdout.write(
                f"{_unattended.name}: breakpoint() is skipped, because no cell waits for this call;"
                f" make it with lab.invoke({_unattended.name!r}), or wait for it with call.wait()\n"
            )
            sys.stdout.flush()
        else:
            # IPython's has colours, and replaces Python's in a kernel.
            set_trace: Any = pdb.set_trace
            stop = pdb.Pdb().set_trace if set_trace.__module__ == "pdb" else set_trace
            stop(frame and frame.f_back)


@contextlib.contextmanager
def unattended(name: str) -> Iterator[None]:
    """Have ``breakpoint()`` of this thread print a line, in a block.

    A prompt would wait for ever: no cell of the notebook is waiting.
    """
    _unattended.name = name
    try:
        yield
    finally:
        _unattended.name = ""


def _debugger_is_on() -> bool:
    debugpy = sys.modules.get("debugpy")
    return debugpy is not None and bool(debugpy.is_client_connected())
