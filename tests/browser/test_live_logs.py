"""Logs and bins live in a real JupyterLab, while a cell blocks."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest
from chromium import Chromium
from jupyter_page import KERNEL_IDLE, alone
from notebook_page import FRAME_RATE, NotebookPage, write_notebook

LINES = "[...document.querySelectorAll('.lg-line')].map((line) => line.innerText)"
CELLS = [
    "from labkit import Lab\nimport time\nlab = Lab.start()\n"
    "lab.deploy('noisy', fprocess='ls /')\nlab.deploy('cat', fprocess='cat')",
    "lab.live_logs()",
    "for n in range(3):\n    call = lab.invoke_async('cat', 'hello')\n    time.sleep(1)\n"
    "lab.invoke_async('noisy', 'x')\nprint(call.id)\ntime.sleep(6)",
    "for name in ('inspector', 'gateway', 'nats'):\n    lab.kill(name)\ntime.sleep(8)",
    "lab.live_logs('queue-worker', tail=5)",
    "callbacks = lab.bin('callbacks')\ncallbacks",
    "import urllib.request\n"
    "def send():\n"
    "    urllib.request.urlopen(urllib.request.Request(callbacks.url, b'by hand'), timeout=5).read()\n"
    "sent = []\n"
    "for n in range(8):\n    time.sleep(0.4)\n    sent.append(time.time())\n    send()\n"
    "time.sleep(5)\nprint(sent)",
    "lab.kill('inspector')\ntime.sleep(3)\n"
    "lab.invoke_async('cat', 'after the kill', callback=callbacks)\ntime.sleep(6)",
    "isinstance(callbacks.url, str)",
    "import urllib.error\nanswer = 200\nend = time.time() + 20\n"
    "while answer == 200 and time.time() < end:\n"
    "    time.sleep(0.3)\n"
    "    try: send()\n"
    "    except urllib.error.HTTPError as error: answer = error.code\n"
    "time.sleep(3)\nprint(answer)",
]
BIN_ROWS = "[...document.querySelectorAll('.bn-list tbody tr')]"
WATCH = """
    window.arrivals = [];
    new MutationObserver((changes) => {
        for (const change of changes) for (const _ of change.addedNodes) arrivals.push(Date.now() / 1000);
    }).observe(document.querySelector('.bn-list tbody'), {childList: true});
"""


@pytest.fixture(scope="module")
def notebook(browser: Chromium, lab_page: tuple[str, Path]) -> NotebookPage:
    url, workspace = lab_page
    write_notebook(workspace / "live.ipynb", CELLS)
    page = NotebookPage(browser, alone(url, "live.ipynb"))
    page.run(0)
    return page


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
    notebook.tab.wait_for(KERNEL_IDLE)
    # Where the lab's page is not behind Jupyter's server, the browser logs that it looked for it.
    assert [problem for problem in notebook.tab.problems if '"source": "network"' not in problem] == []


def test_lines_appear_while_inspector_gateway_and_nats_are_killed(notebook: NotebookPage) -> None:
    show_logs(notebook)
    notebook.start(3)
    for name in ("inspector", "gateway", "nats-server"):
        text = json.dumps(name)
        notebook.tab.wait_for(f"{LINES}.some((line) => line.includes('supervisor') && line.includes({text}))")
    assert is_running(notebook, 3)
    notebook.tab.wait_for(KERNEL_IDLE)


def test_logs_of_one_service_have_only_its_lines(notebook: NotebookPage) -> None:
    notebook.run(4)
    rows = notebook.in_output(4, ".lg-lines")
    notebook.tab.wait_for(f"{rows}?.childElementCount > 0")
    names = notebook.evaluate(f"[...{rows}.querySelectorAll('.lg-name')].map((name) => name.textContent)")
    assert set(names) == {"queue-worker"}
    assert len(names) <= 5


def test_requests_appear_in_a_bin_while_a_cell_blocks(notebook: NotebookPage, tmp_path: Path) -> None:
    notebook.run(5)
    notebook.tab.wait_for("document.querySelector('.bn-url')?.textContent.includes('/r/callbacks')")
    before = notebook.evaluate(f"{BIN_ROWS}.length")
    idle = notebook.evaluate(FRAME_RATE)
    notebook.evaluate(WATCH)
    notebook.start(6)
    notebook.tab.wait_for(f"{BIN_ROWS}.length === {before + 8}")
    assert is_running(notebook, 6)
    notebook.tab.wait_for(f"{BIN_ROWS}[0].innerText.includes('by hand')")
    notebook.tab.screenshot(tmp_path / "bin.png")
    notebook.tab.wait_for(KERNEL_IDLE)
    sent = json.loads(notebook.output(6))
    delays = sorted(
        shown - begin for begin, shown in zip(sent, notebook.evaluate("arrivals")[:8], strict=True)
    )
    print("from the request to the row, seconds:", [round(delay, 3) for delay in delays])
    # Where other programs have the processor, a page at rest does not reach 60 frames per second either.
    assert statistics.median(delays) < 0.15 * max(1, 60 / idle), (idle, delays)
    notebook.run(8)
    assert notebook.output(8).split()[-1] == "True"


def test_a_bin_goes_on_after_the_inspector_was_killed(notebook: NotebookPage) -> None:
    notebook.run(5)
    notebook.tab.wait_for("document.querySelector('.bn-url')?.textContent.includes('/r/callbacks')")
    notebook.start(7)
    notebook.tab.wait_for(f"{BIN_ROWS}.some((row) => row.innerText.includes('after the kill'))")
    assert is_running(notebook, 7)
    notebook.tab.wait_for(KERNEL_IDLE)


def test_a_bin_is_changed_and_a_request_is_read_while_a_cell_blocks(notebook: NotebookPage) -> None:
    notebook.run(5)
    notebook.run(6)
    notebook.start(9)
    notebook.tab.wait_for(f"{BIN_ROWS}[0]?.innerText.includes('by hand')")
    link = notebook.evaluate("document.querySelector('.bn a.bn-url').href")
    assert re.search(r"127\.0\.0\.1:\d+/labkit/#/bins/callbacks$", link), link
    notebook.evaluate(f"{BIN_ROWS}[0].querySelector('button').click()")
    notebook.tab.wait_for("document.querySelector('.bn-detail pre')?.innerText === 'by hand'")
    notebook.evaluate("document.querySelector('.bn-choices [value=\"503\"]').click()")
    notebook.tab.wait_for(f"{BIN_ROWS}[0].querySelector('.bn-answer').innerText === '503'")
    assert is_running(notebook, 9)
    notebook.tab.wait_for(KERNEL_IDLE)
    assert notebook.output(9).split()[-1] == "503"
    notebook.evaluate("document.querySelector('.bn-choices [value=\"200\"]').click()")
    notebook.tab.wait_for("document.querySelector('.bn-choices :checked').value === '200'")
