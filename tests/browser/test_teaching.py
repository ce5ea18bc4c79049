"""The first notebook in a real JupyterLab, as a learner does it, in both languages."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from chromium import Chromium
from jupyter_page import alone
from learner_page import LearnerPage
from test_notebook_errors import choose_theme, contrast

from labkit.teaching.words import Words
from labkit.views.words import ViewWords

FUNCTION = ("start", "flow", "nap", "nap-runs", "folder-shell", "folder", "new", "edit", "up")
RUNS = ("timeline", "measure-sync", "measure-async", "plot")
OVERFLOWING = """[...document.querySelectorAll('.labkit-quiz label, .labkit-quiz .widget-html-content')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).length"""


class PupilPage(LearnerPage):
    """A notebook, and the clicks and keys of who learns with it."""

    def write(self, cell: str, code: str) -> None:
        """Replace a cell's code; do not run it."""
        editor = f"{self._cell(cell)}.querySelector('.cm-content')"
        self.evaluate(f"{editor}.scrollIntoView({{block: 'center'}}), {editor}.focus()")
        self.tab.press("a", ctrl=True)
        self.tab.call("Input.insertText", text=code)

    def try_code(self, cell: str, code: str) -> str:
        """Write and run a cell, then the check below it; return the verdict."""
        self.write(cell, code)
        self.run_cell(cell)
        return self.run_cell(f"{cell}-check")

    def click_in(self, cell: str, selector: str, text: str = "") -> None:
        """Click the element of a cell's output that has a text."""
        found = (
            f"[...{self._cell(cell)}.querySelectorAll({json.dumps(selector)})]"
            f".find((one) => !one.disabled && one.innerText.includes({json.dumps(text)}))"
        )
        self.tab.wait_for(f"!!{found}")
        self.evaluate(f"{found}.scrollIntoView({{block: 'center'}})")
        self.evaluate(f"{found}.click()")

    def wait_for_text(self, cell: str, text: str) -> None:
        """Wait for a text of the catalogue, which marks code with backticks, in a cell's output."""
        wanted = json.dumps(text.replace("`", ""))
        self.tab.wait_for(f"{self._cell(cell)}.innerText.includes({wanted})")

    def _cell(self, cell: str) -> str:
        return f"document.querySelectorAll('.jp-Notebook .jp-Cell')[{self.number(cell)}]"


def open_copy(browser: Chromium, lab_page: tuple[str, Path], name: str) -> PupilPage:
    """Open a copy that ``labkit lab`` has made, with nothing beside it."""
    url, workspace = lab_page
    path = f"my-notebooks/{name}"
    return PupilPage(browser, alone(url, path), workspace / path)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh", "dark")])
def test_a_learner_does_the_first_notebook(
    browser: Chromium, lab_page: tuple[str, Path], tmp_path: Path, language: str, theme: str
) -> None:
    (lab_page[1] / ".labkit/progress.json").unlink(missing_ok=True)
    page = open_copy(browser, lab_page, f"{language}/01-sync-vs-async.ipynb")
    tab, text, drawn = page.tab, Words(language).text, ViewWords(language).text
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))

    def shoot(cell: str, name: str = "") -> None:
        page.show_output(page.number(cell))
        tab.screenshot(shots / f"teaching-{language}-{name or cell}.png")

    tab.look(width=1280, height=1100)
    choose_theme(tab, theme)
    page.execute("application:toggle-left-area")
    for cell in FUNCTION:
        page.run_cell(cell)
    assert drawn("run.title.async", n=1, function="nap") in page.output(page.number("nap-runs"))

    # A question, answered too early, wrongly and rightly.
    page.run_cell("question-who")
    page.click_in("question-who", "button", text("choose.button"))
    page.wait_for_text("question-who", text("choose.first"))
    for letter in "cb":
        page.click_in("question-who", "label", text(f"choose.01.q2.{letter}"))
        page.click_in("question-who", "button", text("choose.button"))
        page.wait_for_text("question-who", text(f"choose.01.q2.{letter}.why"))
    shoot("question-who")

    # Predictions, compared with the runs that they are about.
    assert text("predict.missing", about=text("predict.01.sync")) in page.run_cell("predict")
    for cell, name in (("predict", "sync"), ("predict-async", "async")):
        page.write(cell, f'lab.predict("01.{name}", 10)')
        page.run_cell(cell)
        page.wait_for_text(cell, text("predict.kept", about=text(f"predict.01.{name}"), value="10 s"))
    shoot("predict")
    for cell in RUNS:
        page.run_cell(cell)
    assert text("compared.close") in page.run_cell("compare")
    assert text("predict.locked", about=text("predict.01.sync"), value="10 s") in page.run_cell("predict")
    shoot("plot")
    shoot("compare")

    # An exercise: not done, wrong, two hints, right.
    page.run_cell("ex-queue")
    assert "fifth_in_queue" in page.run_cell("ex-queue-check")
    page.try_code("ex-queue", "fifth_in_queue = async_.calls[4].ran")
    page.wait_for_text("ex-queue-check", text("check.01.1.next"))
    page.run_cell("ex-queue-hint")
    for level in (1, 2):
        page.click_in("ex-queue-hint", "button")
        page.wait_for_text("ex-queue-hint", text(f"hint.01.1.{level}"))
    shoot("ex-queue-check", "wrong")
    page.try_code("ex-queue", "fifth_in_queue = async_.calls[4].waited_in_queue")
    page.wait_for_text("ex-queue-check", text("check.passed", id="01.1", title=text("exercise.01.1")))
    shoot("ex-queue-check", "passed")

    page.run_cell("order")
    page.click_in("order", "button", text("arrange.button"))
    page.wait_for_text("order", text("arrange.wrong"))
    page.click_in("order", "button", "↓")  # the first line that can go down
    page.wait_for_text("order", "1. " + text("arrange.01.o1.b"))
    shoot("order")

    shown = page.run_cell("progress")
    assert "labkit-progress v1 01.1:p2h2 01.o1:w1abcde 01.q2:r2c #" in shown
    assert text("progress.next", id="00.1", title=text("exercise.00.1"), number="00") in shown
    shoot("progress")

    page.run_cell("ex-receipt-check")  # a box that is not passed
    for selector in (".labkit-verdict-passed strong", ".labkit-verdict-not-yet dd", ".labkit-quiz label"):
        assert contrast(tab, selector) >= 4.5, selector
    tab.look(width=420, height=1200)
    page.show_output(page.number("question-who"))
    page.evaluate("new Promise((done) => setTimeout(done, 500, true))")  # JupyterLab lays its cells out
    shoot("question-who", "narrow")
    assert page.evaluate(OVERFLOWING) == 0
    page.close()


def test_jupyterlab_sends_the_ids_of_cells(browser: Chromium, lab_page: tuple[str, Path]) -> None:
    """A check knows by them which cells have run."""
    page = open_copy(browser, lab_page, "en/00-welcome.ipynb")
    page.write(
        "start",
        "from labkit.teaching.cells import RUN_CELLS, CourseCell; from labkit import Lab; Lab.start(); "
        "[RUN_CELLS.has_run(id, CourseCell('other code', '')) for id in ('start', 'flow')]",
    )
    page.run_cell("start")

    assert page.run_cell("start").endswith("[True, False]")
    page.close()
