"""The second notebook in JupyterLab: its panel, a reload, a restart, themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium
from learner_page import COPIES, LearnerLab, LearnerPage, learner_lab
from test_panel import action, real, slide

SECOND = f"{COPIES}/02-the-queue-worker.ipynb"
VIEWS = ("start", "live-logs", "gauge", "panel")
"""The cells with a live view."""
LINES = "document.querySelectorAll('.lk .lg-line').length"
PROBLEMS = "[...document.querySelectorAll('.lk-problem:not([hidden])')].map((line) => line.textContent)"
"""What views tell, those far from the window, too: they have no ``innerText``, as they are not laid out."""
BACKGROUNDS = """[...document.querySelectorAll('.lk')].map((view) => {
    for (let part = view; part; part = part.parentElement) {
        const colour = getComputedStyle(part).backgroundColor;
        if (!/, 0\\)$/.test(colour)) return [colour, getComputedStyle(view).color];
    }
})"""


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearnerLab]:
    with learner_lab(tmp_path_factory) as learner:
        yield learner


def gauge(name: str) -> str:
    return f"Number(document.querySelector('.lk [data-gauge={name}]').textContent)"


def is_dark(page: LearnerPage) -> list[bool]:
    """Tell of each view whether its text is lighter than its background."""
    return list(
        page.evaluate(
            "(() => { const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);"
            " return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
            f" return {BACKGROUNDS}.map(([back, text]) => light(text) > light(back)); }})()"
        )
    )


@pytest.mark.timeout(300)
def test_the_panel_of_the_second_notebook_works_while_its_cells_block(
    browser: Chromium, learner: LearnerLab, tmp_path: Path
) -> None:
    pytest.importorskip("axe_playwright_python")
    page = learner.open(browser, SECOND)
    for cell in VIEWS:
        page.run_cell(cell)
        page.tab.wait_for(f"!!{page.view(cell)}")

    # The slider takes effect on a run that has begun, and so does the fault.
    page.start_cell("measure-one")
    page.tab.wait_for(f"{gauge('queue_depth')} >= 8 && {gauge('in_flight')} === 1")
    slide(page.tab, "max_inflight", 3)
    real(page.tab, "max_inflight", "now 3")
    page.tab.wait_for(f"{gauge('in_flight')} >= 2")
    page.tab.screenshot(tmp_path / "slider.png")
    action(page.tab, "fault.kill")
    page.tab.wait_for("document.querySelector('.pn-state').textContent.includes('restarts: 1')")
    page.tab.wait_for("document.querySelector('.pn-state').textContent.startsWith('queue-worker: ready')")
    assert not page.has_run("measure-one")
    page.wait_for_end("measure-one")
    assert "10 of 10" in page.output(page.number("measure-one"))
    page.tab.wait_for(f"{gauge('queue_depth')} === 0 && {gauge('in_flight')} === 0")
    assert page.evaluate(f"{LINES} > 20")

    # The page is loaded again while a cell blocks the kernel.
    slide(page.tab, "max_inflight", 1)
    real(page.tab, "max_inflight", "now 1")
    page.start_cell("measure-one")
    page.tab.wait_for(f"{gauge('queue_depth')} >= 8")
    page.save()
    page.tab.call("Page.reload")
    page.wait_until_idle()
    for cell in VIEWS:
        page.tab.wait_for(f"!!{page.view(cell)}")
    page.tab.wait_for(f"{gauge('queue_depth')} === 0 && {gauge('in_flight')} === 0 && {LINES} > 20")
    page.run_cell("three-calls")
    assert page.evaluate(PROBLEMS) == []

    # Themes.
    assert (found := page.violations()) == [], found
    assert is_dark(page) == [False] * len(VIEWS)
    page.use_theme("JupyterLab Dark")
    assert is_dark(page) == [True] * len(VIEWS)
    for cell in VIEWS:
        page.show_view(cell)
        page.tab.screenshot(tmp_path / f"dark-{cell}.png")
    assert (found := page.violations()) == [], found
    page.use_theme("JupyterLab Light")
    assert is_dark(page) == [False] * len(VIEWS)

    # The kernel restarts; the lab is that of JupyterLab and goes on. The first cell is enough.
    page.restart_kernel()
    told = f"{PROBLEMS}.filter((text) => text.includes('run the first cell again'))"
    page.tab.wait_for(f"{told}.length === {len(VIEWS)}")
    for cell in VIEWS:
        page.run_cell(cell)
    page.run_cell("three-calls")
    page.tab.wait_for(f"{PROBLEMS}.length === 0 && {LINES} > 12")
    real(page.tab, "max_inflight", "now 1")
    page.close()
