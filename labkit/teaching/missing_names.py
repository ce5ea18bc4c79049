"""What a learner is told when a cell asks for a name that is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from labkit.teaching.cells import CourseCell, course_cells
from labkit.teaching.verdict import CourseVerdict
from labkit.teaching.words import Words


def missing_name(
    error: NameError, code: str, names: Mapping[str, Any], notebook: str, language: str
) -> CourseVerdict | None:
    """Return which cell of the notebook makes the name, or None if none does.

    Args:
        error: Of a cell that has run.
        code: That cell's.
        names: The notebook's objects, by name.
        notebook: Its number, such as ``01``.
        language: Of the texts, and of the notebook.
    """
    name = error.name
    is_local = isinstance(error, UnboundLocalError)
    if is_local or not name or not notebook or name in names or _makes(code, name):
        return None
    cells = course_cells(notebook, language).values()
    cell: CourseCell | None = next((each for each in cells if _makes(each.code, name)), None)
    if cell is None:
        return None
    words = Words(language)
    return CourseVerdict(
        notebook,
        False,
        words.text("name.missing", name=name),
        next_step=words.text("name.missing.next", cell=cell.first_line, part=cell.heading),
        key="name-missing",
        language=language,
    )


def _makes(code: str, name: str) -> bool:
    """Whether a line at the left edge assigns, defines or imports a name."""
    word = re.escape(name)
    left = rf"(?:\w+, *)*{word}(?:, *\w+)*"
    return bool(
        re.search(
            rf"^(?:{left} *=(?!=)|(?:def|class) {word}\b|(?:from \S+ )?import .*\b{word}\b)", code, re.M
        )
    )
