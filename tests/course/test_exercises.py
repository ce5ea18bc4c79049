"""Every exercise in three ways, in the notebook that asks it, with a real lab.

A notebook is run once, as a learner would: predictions are made; each exercise is checked with nothing done,
with each misconception, and with its solution, before the next cell runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentences
from kernels import Notebook

from labkit.teaching.registry import course_notebooks, exercise
from tools.course.build import Course
from tools.course.source import Cell, filled, learners, variants

COURSE = Course()
NUMBERS = [book.number for book in course_notebooks()]


@pytest.fixture
def kernel(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("LABKIT_WORKSPACE", str(workspace))
    monkeypatch.setenv("LABKIT_CI", "1")  # texts, not widgets
    notebook = Notebook(workspace)
    yield notebook
    notebook.end()


class LearnersRun:
    """One notebook, run cell by cell."""

    def __init__(self, kernel: Notebook, cells: list[Cell]) -> None:
        self.kernel = kernel
        self.cells = cells
        self.wrong: list[str] = []

    def run_all(self) -> None:
        """Run every cell; at a check, first try all other ways."""
        solved = {cell.id: cell for cell in filled(self.cells)}
        for cell in learners(self.cells):
            if key := cell.marks.get("check"):
                self._three_ways(key, cell)
            elif cell.is_code and "exercise" not in cell.marks:
                self._run(solved[cell.id])

    def _three_ways(self, key: str, check: Cell) -> None:
        self._expect(
            key, "untouched", self._attempt(self._segment(key, check, None)), sentences.untouched(key)
        )
        for variant in variants(self.cells, key):
            misconception = variant.marks.get("wrong", "").partition("/")[2]
            shown = self._attempt(self._segment(key, check, variant), variant)
            expected = sentences.finding(key, misconception) if misconception else sentences.passed(key)
            self._expect(key, misconception or "the solution", shown, expected)

    def _segment(self, key: str, check: Cell, variant: Cell | None) -> list[str]:
        """Return the code from the stub of an exercise to its check, with a variant in the stub's place."""
        codes = [cell for cell in learners(self.cells) if cell.is_code]
        start = next(number for number, cell in enumerate(codes) if cell.stub == key)
        found = []
        for cell in codes[start : codes.index(check) + 1]:
            is_other_check = "check" in cell.marks and cell is not check
            if not is_other_check:
                found.append(variant.text if variant is not None and cell.stub == key else cell.text)
        return found

    def _attempt(self, codes: list[str], variant: Cell | None = None) -> str:
        needed = variant.marks.get("needs", "").split(",") if variant is not None else []
        solved = {cell.id: cell for cell in filled(self.cells)}
        for cell_id in filter(None, needed):
            self._run(solved[cell_id])
        return [self._show(code) for code in codes][-1]

    def _run(self, cell: Cell) -> str:
        output = self.kernel.show(cell.text)
        assert output.reply["status"] == "ok" or "raises-exception" in cell.tags, f"{cell.id}: {output.error}"
        return "\n".join([output.printed, *output.shown()])

    def _show(self, code: str) -> str:
        output = self.kernel.show(code)
        assert output.reply["status"] == "ok", f"{code}\n{output.error}"
        return "\n".join([output.printed, *output.shown()])

    def _expect(self, key: str, what: str, shown: str, pattern: str) -> None:
        if not re.search(pattern, shown):
            self.wrong.append(f"{key} with {what} says:\n{shown}\nnot: {pattern}")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_in_three_ways(kernel: Notebook, number: str) -> None:
    run = LearnersRun(kernel, COURSE.english(number))
    run.run_all()

    assert not run.wrong, "\n\n".join(run.wrong)
    # Predictions were made before the runs that they are about, and every exercise is passed now.
    made = kernel.show(
        f"print(sorted(id for id in lab.progress().record.predictions if id[:2] == '{number}'))"
    )
    book = next(book for book in course_notebooks() if book.number == number)
    assert made.printed.strip() == repr(sorted(each.id for each in book.predictions))
    unobserved = kernel.show("print([row.id for row in lab.predictions().rows if row.observed is None])")
    assert unobserved.printed.strip() == "[]"
    summary = kernel.show("print(lab.progress().summary)").printed
    assert [each.id for each in book.exercises if f"{each.id}:p" not in summary] == []


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_has_a_stub_a_solution_misconceptions_and_a_check(number: str) -> None:
    cells = COURSE.english(number)
    book = next(book for book in course_notebooks() if book.number == number)
    marks = {(name, value.partition("/")[0]) for cell in cells for name, value in cell.marks.items()}

    for each in book.exercises:
        lacking = [
            name for name in ("exercise", "solution", "wrong", "check") if (name, each.id) not in marks
        ]
        assert not lacking, f"{each.id} has no cell with the mark {', '.join(lacking)}"
    assert {cell.stub for cell in cells if cell.stub} == {
        *(each.id for each in book.exercises),
        *(cell.marks["predict"] for cell in cells if "predict" in cell.marks),
    }
    codes = {cell.id for cell in learners(cells) if cell.is_code}
    assert {id_ for each in book.exercises for id_ in each.cells} <= codes


@pytest.mark.parametrize("number", NUMBERS)
def test_every_sentence_for_a_misconception_is_tried(number: str) -> None:
    """Each ``check.01.3.wrong.KEY`` of the catalogue has a cell ``wrong=01.3/KEY``."""
    tried = {cell.marks["wrong"] for cell in COURSE.english(number) if "wrong" in cell.marks}
    known = {
        f"{found[1]}/{found[2]}"
        for key in sentences.catalogue("en")
        if (found := re.fullmatch(rf"check\.({number}\.[\w-]+)\.wrong\.(.+)", key))
        and found[2] != exercise(found[1]).untouched
    }

    assert known - tried == set(), "a sentence that no test has seen"
