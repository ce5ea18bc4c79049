"""Run a notebook's solved copy in a kernel of its own, with a lab of its own; time it, record it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tools.course.build import file_of
from tools.course.source import Cell, filled

_CELL_SECONDS = 90


def run(cells: Sequence[Cell], last: str = "") -> float:
    """Run the cells with their solutions; return the seconds that they took together.

    Args:
        cells: As they are authored.
        last: Code that runs after them, in the same kernel; it is not timed.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
    """
    book = nbformat.reads(file_of(filled(cells)), as_version=4)
    count = len(book.cells)
    book.cells.append(nbformat.v4.new_code_cell(f"{last}\nlab.stop()"))
    # A lab whose cell has failed ends after its kernel, and may still write.
    with tempfile.TemporaryDirectory(prefix="labkit-course-", ignore_cleanup_errors=True) as folder:
        client = NotebookClient(book, timeout=_CELL_SECONDS, resources={"metadata": {"path": folder}})
        # Texts, not widgets: there is nobody to click.
        env = {**os.environ, "LABKIT_WORKSPACE": folder, "LABKIT_CI": "1"}
        with client.setup_kernel(cwd=folder, env=env):
            started = time.monotonic()
            for number, cell in enumerate(book.cells[:count]):
                client.execute_cell(cell, number)
            seconds = time.monotonic() - started
            client.execute_cell(book.cells[count], count)
    return seconds


_RECORD = """
import time


def is_busy(queue):
    status = queue.status()
    return status.pending or status.in_flight or status.waiting_for_retry


ends = time.monotonic() + 60
while any(map(is_busy, lab.queues())) and time.monotonic() < ends:
    time.sleep(0.2)
lab.record({path!r}, history=True).stop()
"""


def record(cells: Sequence[Cell], path: Path) -> None:
    """Run the cells, wait for their queues to be empty, and write all calls of the lab into a record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    run(cells, _RECORD.format(path=str(path.absolute())))
