"""Judge an exercise: run its check, and tell the finding in words."""

from __future__ import annotations

from labkit.errors import NotAvailableError
from labkit.teaching.cells import RUN_CELLS, CourseCell, course_cells
from labkit.teaching.desk import Desk
from labkit.teaching.exercise import Exercise
from labkit.teaching.registry import exercise
from labkit.teaching.verdict import CourseVerdict
from labkit.teaching.work import UNTOUCHED, CheckFinding, NotDoneError

_NO_CELL = CourseCell("", "")
_NOT_AVAILABLE = "not-available"
_NOT_TRIED = (UNTOUCHED, "not-run", "cell-not-run", _NOT_AVAILABLE)
_WRONG_TYPE = ("wrong-type", "is-none", "is-text", "not-called")
_COMMON = (*_NOT_TRIED, *_WRONG_TYPE)
"""Findings that have a sentence for every exercise."""
_WITHOUT_CELL = (*_WRONG_TYPE, _NOT_AVAILABLE)
"""Those among them that name no cell."""


def check(desk: Desk, id_: str) -> CourseVerdict:
    """Judge an exercise; never raises for a learner's mistake.

    Raises:
        InvalidValueError: There is no such exercise.
        LabError: The lab does not answer.
    """
    asked = exercise(id_)
    finding = _finding(desk, asked)
    if finding.key not in (asked.untouched, *_NOT_TRIED):
        desk.progress.note_check(id_, passed=not finding.key)
    return _verdict(desk, asked, finding)


def _finding(desk: Desk, asked: Exercise) -> CheckFinding:
    cells = course_cells(asked.id[:2], desk.words.language)
    for cell_id in asked.cells:
        if cell_id in cells and not RUN_CELLS.has_run(cell_id, cells[cell_id]):
            return CheckFinding("cell-not-run", cell=cell_id)
    try:
        return asked.check(desk.work())
    except NotDoneError as end:
        return end.finding
    except NotAvailableError as error:  # an OpenFaaS elsewhere does not know it
        return CheckFinding(_NOT_AVAILABLE, {"what": error.headline, "next": error.next_step})


def _verdict(desk: Desk, asked: Exercise, finding: CheckFinding) -> CourseVerdict:
    words, id_, key = desk.words, asked.id, finding.key
    cell = course_cells(id_[:2], words.language).get(finding.cell, _NO_CELL)
    values = {"cell": cell.quoted, "part": cell.heading, **finding.values}
    title = {"id": id_, "title": words.text(f"exercise.{id_}")}
    if not key:
        seen = words.text(f"check.{id_}.passed", **values)
        return CourseVerdict(
            id_, True, words.text("check.passed", **title), seen=seen, language=words.language
        )
    common = f"check.{key}" if finding.cell or key in _WITHOUT_CELL else f"check.{key}.no-cell"
    nexts = [f"check.{id_}.next.{key}"]
    nexts += [f"{common}.next"] if key in _COMMON else [f"check.{id_}.next"]
    return CourseVerdict(
        id_,
        False,
        words.text("check.not-yet", **title),
        expected=words.text(f"check.{id_}.expected", **values),
        seen=words.text(f"check.{id_}.wrong.{key}", common, **values),
        next_step=words.text(*nexts, **values),
        key=key,
        language=words.language,
    )
