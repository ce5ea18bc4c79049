"""Folders of a benchmark's own, removed when nobody works in them any more."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.02


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder; at the end, wait for the processes that name it, and remove it.

    A lab whose start is broken off may have processes that are still importing: they
    end when they find nobody there, and until then write where they were told to.
    """
    folder = tempfile.mkdtemp(prefix="labkit-bench-")
    try:
        yield Path(folder)
    finally:
        _end_those_who_name(folder)
        shutil.rmtree(folder)


def _end_those_who_name(text: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while left := naming(text):
        if time.monotonic() > deadline:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(_LOOK_SECONDS)


def naming(text: str) -> list[psutil.Process]:
    """Return the other processes that have a text in their arguments or environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = [*process.cmdline(), *process.environ().values()]
            if process.pid != os.getpid() and any(text in word for word in words):
                found.append(process)
    return found
