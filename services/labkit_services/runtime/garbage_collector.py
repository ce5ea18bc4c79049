"""Python's garbage collector, where it has nothing to collect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector for a short block whose many objects all stay.

    It would look at them again and again: a sixth of the time in which a
    notebook reads the event log, and more where more objects exist.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
