"""Which cells of a notebook have run in this kernel.

JupyterLab sends a cell's id with its code; other clients, such as nbclient,
send none. So a cell also counts as run if its code, or only its first line,
is that of the notebook as its authors wrote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from labkit.pristine_notebooks import notebooks_folder

_MOST_RUNS = 10_000
_HEADING = "#"
_IS_OF_MANY = re.compile(r"#|%%\w+$").match


@dataclass(frozen=True)
class CourseCell:
    """A code cell as the authors wrote it, and the heading above it."""

    code: str
    heading: str

    @property
    def first_line(self) -> str:
        """The line by which a learner finds it on the page.

        ``%%function shout`` is one, ``%%bash`` is that of many cells.
        """
        lines = [line.strip() for line in self.code.splitlines()]
        return next((line for line in lines if line and not _IS_OF_MANY(line)), "")

    @property
    def quoted(self) -> str:
        """Its first line without the comment at its end, for a text."""
        return self.first_line.partition("  # ")[0]


class RunCells:
    """What has run since the kernel's start, or the lab's last reset."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._codes: dict[str, None] = {}
        self._current: tuple[str, str] = ("", "")
        self.is_kept = False

    def note(self, info: Any) -> None:
        """Note IPython's ``ExecutionInfo`` of a cell that begins."""
        self.is_kept = True
        self._current = (getattr(info, "cell_id", None) or "", str(info.raw_cell).strip())
        self._add(*self._current)

    def clear(self) -> None:
        """Forget all but the cell that runs now, which resets the lab."""
        self._ids.clear()
        self._codes.clear()
        self._add(*self._current)

    def _add(self, cell_id: str, code: str) -> None:
        if len(self._codes) >= _MOST_RUNS:
            self._codes.clear()
        self._ids[cell_id] = None
        self._codes[code] = None
        self._codes[CourseCell(code, "").first_line] = None

    def has_run(self, cell_id: str, cell: CourseCell) -> bool:
        """Whether a cell has run; True where nobody keeps account of it."""
        if not self.is_kept or cell_id in self._ids:
            return True
        return cell.code.strip() in self._codes or cell.first_line in self._codes


RUN_CELLS = RunCells()
"""This kernel's."""


@cache
def course_cells(number: str, language: str) -> dict[str, CourseCell]:
    """Return the code cells of a notebook, such as ``01``, by id."""
    folder = notebooks_folder()
    for path in [*folder.glob(f"{language}/{number}-*.ipynb"), *folder.glob(f"en/{number}-*.ipynb")]:
        found, heading = {}, ""
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                found[cell["id"]] = CourseCell(source, heading)
            else:
                titles = [line for line in source.splitlines() if line.startswith(_HEADING)]
                heading = titles[-1].lstrip("# ") if titles else heading
        return found
    return {}
