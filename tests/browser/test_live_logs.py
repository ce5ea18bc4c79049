"""Logs and bins live in a real JupyterLab, while a cell blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium
from jupyter_page import jupyterlab, learner_environment
from notebook_page import NotebookPage, write_notebook

LINES = "[...document.querySelectorAll('.lg-line')].map((line) => line.innerText)"
CELLS = [
    "from labkit import Lab\nimport time\nlab = Lab.start()\n"
    "lab.deploy('noisy', fprocess='ls /')\nlab.deploy('cat', fprocess='cat')",
    "lab.live_logs()",
    "for n in range(3):\n    call = lab.invoke_async('cat', 'hello')\n    time.sleep(1)\n"
    "lab.invoke_async('noisy', 'x')\nprint(call.id)\ntime.sleep(6)",
    "for name in ('inspector', 'gateway', 'nats'):\n    lab.kill(name)\ntime.sleep(8)",
    "lab.live_logs('queue-worker', tail=5)",
]


@pytest.fixture(scope="module")
def notebook(browser: Chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookPage]:
    workspace = tmp_path_factory.mktemp("workspace")
    home = tmp_path_factory.mktemp("home")
    write_notebook(workspace / "live.ipynb", CELLS)
    with jupyterlab(workspace, learner_environment(home)) as url:
        page = NotebookPage(
            browser, re.sub(r"/lab/workspaces/labkit", "/lab/workspaces/labkit/tree/live.ipynb", url)
        )
        page.run(0)
        yield page


def show_logs(page: NotebookPage) -> None:
    page.run(1)
    page.tab.wait_for("document.querySelectorAll('.lg-line').length > 3")


def is_running(page: NotebookPage, cell: int) -> bool:
    return page.prompt(cell) == "[*]:"


def test_lines_of_services_and_functions_appear_while_a_cell_blocks(
    notebook: NotebookPage, tmp_path: Path
) -> None:
    show_logs(notebook)
    before = notebook.evaluate("document.querySelectorAll('.lg-line').length")
    notebook.start(2)
    notebook.tab.wait_for(f"document.querySelectorAll('.lg-line').length > {before}")
    notebook.tab.wait_for(
        f"{LINES}.some((line) => line.includes('noisy') && line.includes('Forking fprocess'))"
    )
    assert is_running(notebook, 2)
    notebook.tab.wait_for(f"{LINES}.some((line) => line.includes('Invoked: cat [200]'))")
    assert is_running(notebook, 2)
    notebook.tab.screenshot(tmp_path / "logs.png")
    notebook.tab.wait_for("document.body.innerText.includes('| Idle')")
    assert notebook.tab.problems == []


def test_lines_appear_while_inspector_gateway_and_nats_are_killed(notebook: NotebookPage) -> None:
    show_logs(notebook)
    notebook.start(3)
    for name in ("inspector", "gateway", "nats-server"):
        text = json.dumps(name)
        notebook.tab.wait_for(f"{LINES}.some((line) => line.includes('supervisor') && line.includes({text}))")
    assert is_running(notebook, 3)
    notebook.tab.wait_for("document.body.innerText.includes('| Idle')")


def test_logs_of_one_service_have_only_its_lines(notebook: NotebookPage) -> None:
    notebook.run(4)
    rows = notebook.in_output(4, ".lg-lines")
    notebook.tab.wait_for(f"{rows}?.childElementCount > 0")
    names = notebook.evaluate(f"[...{rows}.querySelectorAll('.lg-name')].map((name) => name.textContent)")
    assert set(names) == {"queue-worker"}
    assert len(names) <= 5
