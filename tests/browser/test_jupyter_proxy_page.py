"""The lab's page as a tab of a real JupyterLab, below ``/user/x/``, with a log-in by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import BrowserTab, Chromium
from jupyter_servers import TOKEN, JupyterServer, jupyter_server
from notebook_page import NotebookPage, write_notebook

START = "from labkit import Lab\nlab = Lab.start(gateway_port=0, inspector_port=0)"
ADDRESSES = "!labkit status\nlab.bin('callbacks').url"
FRAME = "document.querySelector('.jp-ServerProxy iframe')?.contentDocument"
TILE = "document.querySelector('.jp-LauncherCard[title*=\"Lab page\"]')"


@pytest.fixture
def server(workspace: Path, tmp_path: Path) -> Iterator[JupyterServer]:
    write_notebook(workspace / "notebooks/a.ipynb", [START, "lab", ADDRESSES])
    (workspace / ".git").mkdir()
    with jupyter_server(workspace, tmp_path, application="jupyterlab") as server:
        yield server


def click(tab: BrowserTab, selector: str) -> None:
    """Click with the mouse: JupyterLab's tabs listen to the pointer."""
    box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
    x, y, width, height = tab.evaluate(f"(({{x, y, width, height}}) => [x, y, width, height])({box})")
    for kind in ("mousePressed", "mouseReleased"):
        place = {"x": x + width / 3, "y": y + height / 2}
        tab.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)


def test_the_tile_opens_a_tab_that_waits_for_the_lab_and_then_shows_it(
    browser: Chromium, server: JupyterServer, tmp_path: Path
) -> None:
    page = NotebookPage(browser, f"{server.url}lab/tree/notebooks/a.ipynb?token={TOKEN}")
    tab = page.tab
    tab.evaluate("document.querySelector('[data-command=\"launcher:create\"]').click()")
    tab.wait_for(f"!!{TILE}")
    tab.wait_for(f"{TILE}.querySelector('img')?.naturalWidth > 0")
    tab.screenshot(tmp_path / "launcher.png")
    tab.evaluate(f"{TILE}.click()")
    tab.wait_for(f"{FRAME}?.querySelector('main:not([hidden]) h1')?.textContent === 'No lab runs yet'")

    click(tab, "#jp-main-dock-panel li.lm-TabBar-tab[title*='a.ipynb']")
    page.run(0)
    tab.wait_for(f"{FRAME}?.documentElement.dataset.ready === 'true'")
    assert tab.evaluate(f"{FRAME}.location.pathname") == "/user/x/labkit/"
    assert "token" not in tab.evaluate(f"{FRAME}.location.href")

    page.run(1)
    card = page.in_output(1, ".lk-card")
    tab.wait_for(f"{card}?.innerText.includes('The lab is ready')")
    link = f"{card}.querySelector('.lk-card-ways a')"
    tab.wait_for(f"{link}?.href.endsWith('/user/x/labkit/')")
    text = tab.evaluate(f"{card}.innerText")
    assert "OPENFAAS_URL=http://127.0.0.1:" in text
    assert f"{server.url}labkit/r/callbacks" in text
    tab.screenshot(tmp_path / "card.png")
    tab.evaluate(f"{link}.click()")
    tab.wait_for("document.querySelector('.jp-ServerProxy:not(.lm-mod-hidden)') !== null")
    assert tab.evaluate("document.querySelectorAll('.jp-ServerProxy iframe').length") == 1
    tab.screenshot(tmp_path / "page.png")

    click(tab, "#jp-main-dock-panel li.lm-TabBar-tab[title*='a.ipynb']")
    shown = page.run(2)
    assert f"in Jupyter  {server.url}labkit/" in shown
    assert "for X-Callback-Url: http://127.0.0.1:" in shown
    assert f"open in your browser: {server.url}labkit/r/callbacks" in shown
    assert [problem for problem in tab.problems if "503" not in problem] == []
    assert [problem for problem in tab.problems if "healthz" in problem] == []
    tab.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    tab.wait_for("document.body.dataset.jpThemeLight === 'false'")
    tab.look(width=820, height=900)
    tab.evaluate(f"{card}.scrollIntoView()")
    tab.screenshot(tmp_path / "dark.png")
