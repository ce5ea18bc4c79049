"""The authored source of one notebook: its cells, read from and written as Markdown; pure.

A cell begins with a mark on a line of its own and ends at the next one::

    <!-- cell: part-1 -->
    ## 1. A function that takes one second

    <!-- code: ex1 exercise=01.1 -->
    ```python
    answer = ...
    ```

``exercise`` and ``predict`` make a cell a learner's stub with that key;
``solution`` and ``wrong`` are code in its place, for tests; ``check`` is a
cell that judges an exercise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

_MARK = re.compile(r"<!-- (cell|code): ?(.*?) ?-->")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FENCE = re.compile(r"(`{3,})(python|bash)\n(.*?)\n?^\1$", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"\d\d\.[a-z0-9]+(-[a-z0-9]+)*")
_STUBS = ("exercise", "predict")
_MARKS = {"cell": {"source", "tags"}, "code": {*_STUBS, "solution", "wrong", "check", "needs", "tags"}}


class SourceError(ValueError):
    """A source that can't be read; the text names its file and line."""


@dataclass(frozen=True)
class Cell:
    """One cell as it is authored.

    Attributes:
        kind: ``cell`` for Markdown, or ``code``.
        id: The notebook's cell id.
        text: The cell's text, without blank lines around it.
        marks: The rest of the mark's line, by name.
        line: Where the mark is.
    """

    kind: str
    id: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def is_code(self) -> bool:
        """Whether it is a code cell."""
        return self.kind == "code"

    @property
    def stub(self) -> str:
        """The key of what the learner fills in here, or ""."""
        return next((self.marks[name] for name in _STUBS if name in self.marks), "")

    @property
    def is_for_tests(self) -> bool:
        """Whether it is in no learner's notebook."""
        return "solution" in self.marks or "wrong" in self.marks

    @property
    def tags(self) -> list[str]:
        """The notebook's tags of the cell."""
        kinds = [name for name in ("exercise", "predict", "check") if name in self.marks]
        return kinds + [tag for tag in self.marks.get("tags", "").split(",") if tag]

    @property
    def sha(self) -> str:
        """Hash of the text, which a translation of it carries: 12 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def parse(text: str, name: str) -> list[Cell]:
    """Return the cells of a source.

    Raises:
        SourceError: It is not as ``docs/course-authoring.md`` says; names ``name`` and the line.
    """
    cells: list[Cell] = []
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _MARK.fullmatch(line)]
    if any(line.strip() for line in lines[: starts[0] if starts else None]):
        raise SourceError(f"{name}:1: text before the first mark, such as <!-- cell: title -->")
    for start, end in pairwise([*starts, len(lines)]):
        body = "\n".join(lines[start + 1 : end]).strip("\n")
        try:
            cells.append(_cell(lines[start], body, start + 1))
        except ValueError as error:
            raise SourceError(f"{name}:{start + 1}: {error}") from None
    _check(cells, name)
    return cells


def _cell(mark: str, body: str, line: int) -> Cell:
    found = _MARK.fullmatch(mark)
    assert found
    kind, (cell_id, *rest) = found[1], found[2].split() or [""]
    if not _ID.fullmatch(cell_id):
        raise ValueError(f"{cell_id!r} is no id of a cell: lower case words with hyphens")
    marks = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if key not in _MARKS[kind] or not equals or not value:
            raise ValueError(f"{word!r} is no mark of a {kind}: {', '.join(sorted(_MARKS[kind]))}")
        if key not in ("tags", "source", "needs") and not _KEY.fullmatch(value.partition("/")[0]):
            raise ValueError(f"{word!r}: keys are such as 01.3")
        if key == "wrong" and not value.partition("/")[2]:
            raise ValueError(f"{word!r} names no misconception: wrong=01.3/KEY")
        marks[key] = value
    if kind == "code":
        fenced = _FENCE.fullmatch(body)
        if fenced is None:
            raise ValueError("a code cell is one block ```python or ```bash, and nothing else")
        body = fenced[3]
    return Cell(kind, cell_id, body, marks, line)


def _check(cells: Sequence[Cell], name: str) -> None:
    seen: set[str] = set()
    stubs = {cell.stub for cell in cells if cell.stub}
    for cell in cells:
        place = cell.marks.get("solution") or cell.marks.get("wrong", "").partition("/")[0]
        if cell.id in seen:
            raise SourceError(f"{name}:{cell.line}: a second cell {cell.id}")
        if place and place not in stubs:
            raise SourceError(f"{name}:{cell.line}: no cell has the mark exercise={place} or predict={place}")
        seen.add(cell.id)


def render(cells: Sequence[Cell]) -> str:
    """Return the cells as a source; ``parse`` reads them back unchanged."""
    return "\n\n".join(_rendered(cell) for cell in cells) + "\n"


def _rendered(cell: Cell) -> str:
    words = [cell.id, *(f"{key}={value}" for key, value in cell.marks.items())]
    mark = f"<!-- {cell.kind}: {' '.join(words)} -->\n"
    if not cell.is_code:
        return mark + cell.text
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", cell.text))])
    return f"{mark}{fence}{'bash' if cell.text.startswith('%%bash') else 'python'}\n{cell.text}\n{fence}"


def learners(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells of the learner's notebook: no solutions."""
    return [cell for cell in cells if not cell.is_for_tests]


def filled(cells: Sequence[Cell], wrong: str = "") -> list[Cell]:
    """Return the learner's cells with solutions in the place of stubs.

    Args:
        cells: Of the whole source.
        wrong: ``01.3/KEY`` puts that misconception in the place of one stub.
    """
    code = {cell.marks["solution"]: cell.text for cell in cells if "solution" in cell.marks}
    code |= {
        wrong.partition("/")[0]: cell.text for cell in cells if wrong and cell.marks.get("wrong") == wrong
    }
    return [replace(cell, text=code[cell.stub]) if cell.stub in code else cell for cell in learners(cells)]


def variants(cells: Sequence[Cell], key: str) -> Iterator[Cell]:
    """Yield what can stand in the place of a stub: misconceptions, then the solution."""
    for cell in cells:
        if cell.marks.get("wrong", "").partition("/")[0] == key:
            yield cell
    yield from (cell for cell in cells if cell.marks.get("solution") == key)
