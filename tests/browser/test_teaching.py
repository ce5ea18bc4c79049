"""Predictions, checks, hints and questions in a real JupyterLab, as a learner clicks them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from chromium import Chromium
from jupyter_page import alone
from notebook_page import NotebookPage, write_notebook
from test_notebook_errors import choose_theme, contrast

from labkit.teaching.words import Words

CELLS = [
    "from labkit import Lab\nlab = Lab.start(gateway_port=0, inspector_port=0)\nlab.reset()\n"
    "lab.deploy('long-task', fprocess='sleep 1')",
    'lab.predict("01.async", 5)',
    'lab.choose("01.q1")',
    'lab.arrange("01.o1")',
    "my_call = lab.invoke('long-task')",
    'lab.check("01.2")',
    'lab.hint("01.2")',
    "my_call = lab.invoke_async('long-task')",
    'lab.check("01.2")',
    "lab.progress()",
    "from labkit.teaching.cells import RUN_CELLS, CourseCell\n"
    "[RUN_CELLS.has_run(id, CourseCell('other code', '')) for id in ('cell-4', 'no-such-cell')]",
]
PREDICT, CHOOSE, ARRANGE, TRY, CHECK, HINT, SOLVE, CHECK_AGAIN, PROGRESS, IDS = range(1, 11)


def click(page: NotebookPage, number: int, selector: str, text: str = "") -> None:
    """Click the element of a cell's output that has a text."""
    found = (
        f"[...document.querySelectorAll('.jp-Notebook .jp-Cell')[{number}].querySelectorAll("
        f"{json.dumps(selector)})].find((one) => !one.disabled && one.innerText.includes({json.dumps(text)}))"
    )
    page.tab.wait_for(f"!!{found}")
    page.evaluate(f"{found}.scrollIntoView({{block: 'center'}})")
    page.evaluate(f"{found}.click()")


def wait_for_text(page: NotebookPage, number: int, text: str) -> None:
    page.tab.wait_for(
        f"document.querySelectorAll('.jp-Notebook .jp-Cell')[{number}].innerText.includes({json.dumps(text)})"
    )


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh", "dark")])
def test_a_learner_predicts_answers_asks_for_hints_and_passes_a_check(
    browser: Chromium, lab_page: tuple[str, Path], tmp_path: Path, language: str, theme: str
) -> None:
    url, workspace = lab_page
    (workspace / ".labkit/progress.json").unlink(missing_ok=True)
    path = f"{language}/teaching-{language}.ipynb"
    write_notebook(workspace / path, CELLS)
    page = NotebookPage(browser, alone(url, path))
    tab, words = page.tab, Words(language)
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))

    def text(key: str) -> str:
        return words.text(key).replace("`", "").replace("*", "").partition("{")[0]

    tab.look(width=1280, height=1600)
    choose_theme(tab, theme)
    for number in range(PROGRESS):
        page.run(number)

    wait_for_text(page, PREDICT, text("predict.kept").partition("{")[0])
    click(page, CHOOSE, "button", text("choose.button"))
    wait_for_text(page, CHOOSE, text("choose.first"))
    for letter in "ac":
        click(page, CHOOSE, "label", text(f"choose.01.q1.{letter}"))
        click(page, CHOOSE, "button", text("choose.button"))
        wait_for_text(page, CHOOSE, words.text(f"choose.01.q1.{letter}.why").replace("`", "")[:40])

    click(page, ARRANGE, "button", text("arrange.button"))
    wait_for_text(page, ARRANGE, text("arrange.wrong"))
    click(page, ARRANGE, "button", "↓")  # the first line that can go down
    tab.wait_for(
        f"document.querySelectorAll('.jp-Notebook .jp-Cell')[{ARRANGE}].innerText"
        f".includes({json.dumps('1. ' + text('arrange.01.o1.b'))})"
    )

    wait_for_text(page, CHECK, text("check.01.2.wrong.sync")[:10])
    for level in (1, 2):
        click(page, HINT, "button")
        wait_for_text(page, HINT, f"{level}. {text(f'hint.01.2.{level}')[:20]}")
    wait_for_text(page, CHECK_AGAIN, words.text("check.passed", id="01.2", title=words.text("exercise.01.2")))

    shown = page.run(PROGRESS)
    assert "labkit-progress v1 01.2:p2h2 01.o1:w1abcde 01.q1:r2a #" in shown
    assert page.run(IDS).endswith("[True, False]")  # JupyterLab sends the ids of cells
    for number, name in ((CHOOSE, "choose"), (ARRANGE, "arrange"), (CHECK, "check"), (HINT, "hint")):
        page.show_output(number)
        tab.screenshot(shots / f"teaching-{language}-{name}.png")
    for selector in (".labkit-verdict-passed strong", ".labkit-verdict-not-yet dd", ".labkit-quiz label"):
        assert contrast(tab, selector) >= 4.5, selector
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    tab.look(width=420, height=1200)
    page.show_output(CHOOSE)
    tab.screenshot(shots / f"teaching-{language}-narrow.png")
    overflowing = """[...document.querySelectorAll('.labkit-quiz label')]
        .filter((one) => one.scrollWidth > one.clientWidth + 1).length"""
    assert page.evaluate(overflowing) == 0
    page.close()
