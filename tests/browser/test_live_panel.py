"""The control panel in a real JupyterLab: its commands take effect while a cell blocks the kernel."""

from __future__ import annotations

import json
from pathlib import Path

from chromium import Chromium
from eventually import eventually
from jupyter_page import alone
from notebook_page import NotebookPage, write_notebook
from test_panel import action, real, select, slide, status

START = """import time
from labkit import Lab
lab = Lab.start(gateway_port=0, inspector_port=0)
lab.reset()
lab.set_max_inflight(1)
lab.deploy('nap', fprocess='sleep 1')
lab.invoke('nap').status"""
CALLS = """calls = [lab.invoke_async('nap') for _ in range(12)]
most, end = 0, time.monotonic() + 30
while most < 2 and time.monotonic() < end:
    time.sleep(0.05)  # the kernel is blocked
    most = max(most, lab.queue().in_flight)
print('in flight:', most)"""
KILL = """before = lab.status().service('queue-worker')
end = time.monotonic() + 30
while lab.status().service('queue-worker').restarts == before.restarts and time.monotonic() < end:
    time.sleep(0.05)
print('restarts:', lab.status().service('queue-worker').restarts - before.restarts)"""
SLEEP = "import time; time.sleep(8); print('slept')"
PANEL = "document.querySelector('.lk .pn')"


def open_panel(
    browser: Chromium, lab_page: tuple[str, Path], name: str, *cells: str, base: bool = True
) -> NotebookPage:
    """Open a notebook whose second cell shows the panel; without ``base`` no server is known."""
    url, workspace = lab_page
    write_notebook(workspace / f"{name}.ipynb", [START, "lab.panel()", *cells])
    page = NotebookPage(browser, alone(url, f"{name}.ipynb"))
    if not base:
        page.evaluate("document.getElementById('jupyter-config-data').textContent = '{}'; 0")
    assert "200" in page.run(0)
    page.run(1)
    page.tab.wait_for(f"{PANEL} && !document.querySelector('[data-field=replicas] input').disabled")
    return page


def watch_requests(page: NotebookPage) -> str:
    """Return an expression for the requests of the page to the proxy that changed something."""
    page.evaluate(
        "(() => { window.changes = []; const fetched = window.fetch; window.fetch = (url, options) => {"
        " if (options?.method && options.method !== 'GET') window.changes.push(String(url));"
        " return fetched(url, options); }; })()"
    )
    return "window.changes.filter((url) => url.includes('/labkit/api/v1/'))"


def test_the_slider_puts_two_calls_in_flight_while_a_cell_blocks(
    browser: Chromium, lab_page: tuple[str, Path]
) -> None:
    page = open_panel(browser, lab_page, "slider", CALLS)
    changes = watch_requests(page)
    before = page.prompt(2)
    page.start(2)
    page.tab.wait_for("document.querySelectorAll('.jp-Cell')[2].innerText.includes('[*]')")
    slide(page.tab, "max_inflight", 2)

    real(page.tab, "max_inflight", "now 2")
    assert page.evaluate(changes)[-1].endswith("/labkit/api/v1/queues/faas-request")
    prompt = (
        "document.querySelectorAll('.jp-Notebook .jp-Cell')[2].querySelector('.jp-InputPrompt').textContent"
    )
    page.tab.wait_for(f"/\\d/.test({prompt}) && {prompt} !== {json.dumps(before)}")
    assert "in flight: 2" in page.output(2)


def test_a_worker_that_is_killed_by_button_restarts_while_a_cell_blocks(
    browser: Chromium, lab_page: tuple[str, Path]
) -> None:
    page = open_panel(browser, lab_page, "kill", KILL)
    page.start(2)
    page.tab.wait_for("document.querySelectorAll('.jp-Cell')[2].innerText.includes('[*]')")
    action(page.tab, "fault.kill")

    page.tab.wait_for("document.querySelector('.pn-state').textContent.includes('restarts: 1')")
    page.tab.wait_for("document.querySelector('.pn-state').textContent.startsWith('queue-worker: ready')")
    page.tab.wait_for("document.querySelectorAll('.jp-Cell')[2].innerText.includes('restarts: 1')")


def test_without_a_proxy_the_kernel_relays_and_a_busy_one_is_said(
    browser: Chromium, lab_page: tuple[str, Path]
) -> None:
    page = open_panel(browser, lab_page, "relay", SLEEP, base=False)
    changes = watch_requests(page)
    slide(page.tab, "max_inflight", 3)
    real(page.tab, "max_inflight", "now 3")

    page.start(2)
    page.tab.wait_for("document.querySelectorAll('.jp-Cell')[2].innerText.includes('[*]')")
    slide(page.tab, "max_inflight", 5)
    page.tab.wait_for(
        f"{status(page.tab, '[data-field=max_inflight]')}.startsWith('queued: The kernel is busy')"
    )
    page.tab.wait_for("document.querySelectorAll('.jp-Cell')[2].innerText.includes('slept')")
    real(page.tab, "max_inflight", "now 5")
    assert page.evaluate(changes) == []
    select(page.tab, "function", "nap")
    action(page.tab, "send.async")
    page.tab.wait_for("document.querySelector('.pn-batches li')?.dataset.state === 'done'")


def test_the_saved_notebook_has_the_list_of_controls(browser: Chromium, lab_page: tuple[str, Path]) -> None:
    page = open_panel(browser, lab_page, "saved")
    file = lab_page[1] / "saved.ipynb"

    def outputs() -> list[dict[str, str]]:
        page.evaluate("document.querySelector('.jp-Notebook .cm-content').focus()")
        page.tab.press("s", ctrl=True)
        cells = json.loads(file.read_text() or '{"cells": [{}, {}]}')["cells"]
        return [output["data"] for output in cells[1].get("outputs", ())]

    data = eventually(outputs, within=20)[0]
    assert "".join(data["text/plain"]).startswith("Control panel\n  Send calls")
    assert "lab.set_max_inflight(2)" in "".join(data["text/html"])
