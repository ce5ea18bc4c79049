"""The screen of ``labkit lab``: three panes, a tour, and the learner's copies."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from chromium import BrowserTab, Chromium
from eventually import eventually
from jupyter_page import KERNEL_IDLE, READY, Terminal, jupyterlab, learner_environment
from marked_processes import assert_gone

from labkit.pristine_notebooks import notebooks_folder

ROOT = Path(__file__).parents[2]
FIRST, SECOND = "00-welcome.ipynb", "02-the-queue-worker.ipynb"
COPIES = "my-notebooks/en"
TABS = """[...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')]
    .map((tab) => tab.textContent)"""
PANES = [FIRST, "Lab page", "Terminal 1"]
POPUPS = "document.querySelectorAll('.Toastify__toast, .jp-Dialog').length"
LAB_PAGE = "document.querySelector('.jp-ServerProxy iframe').contentDocument"
TOUR = f"{LAB_PAGE}.getElementById('tour')"
OWN_WORKSPACE = {
    "metadata": {"id": "default"},
    "data": {
        "layout-restorer:data": {
            "main": {
                "dock": {"type": "tab-area", "currentIndex": 0, "widgets": ["editor:mine.txt"]},
                "current": "editor:mine.txt",
            }
        },
        "editor:mine.txt": {"data": {"path": "mine.txt", "factory": "Editor"}},
    },
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A learner's home folder."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".bashrc").write_text("PS1='$ '\n")
    return home


@pytest.fixture
def clone(workspace: Path) -> Path:
    """A clone of the repository, as far as notebooks and git are concerned."""
    shutil.copytree(
        ROOT / "notebooks", workspace / "notebooks", ignore=shutil.ignore_patterns("lab7", ".ipynb_*")
    )
    shutil.copy(ROOT / ".gitignore", workspace)
    git(workspace, "init", "-q")
    git(workspace, "add", "-A")
    git(workspace, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "a clone")
    return workspace


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def open_page(browser: Chromium, url: str) -> BrowserTab:
    page = browser.open()
    page.look(width=1600, height=1000)
    page.goto(url)
    page.wait_for(READY)
    return page


def leave(page: BrowserTab) -> None:
    """Save what is open, and leave the page: it would ask otherwise."""
    for _ in range(2):  # a kernel that has just started changes its notebook once more
        page.evaluate("jupyterapp.commands.execute('docmanager:save-all'), true")  # of two notebooks, too
        page.wait_for("!document.querySelector('.lm-TabBar-tab.jp-mod-dirty')")
    page.close()


def wait_for_tabs(page: BrowserTab, titles: list[str]) -> None:
    """Wait until the tabs are these; a terminal's is "..." until it is connected."""
    page.wait_for(f"{TABS}.join() === {json.dumps(','.join(titles))}")


def place(page: BrowserTab, selector: str) -> dict[str, float]:
    box: dict[str, float] = page.evaluate(
        f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()"
    )
    return box


def close_tab(page: BrowserTab, title: str) -> None:
    """Click the tab's cross; Lumino wants a real mouse."""
    icon = (
        "[...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tab')]"
        f".find((tab) => tab.querySelector('.lm-TabBar-tabLabel')?.textContent === {title!r})"
        ".querySelector('.lm-TabBar-tabCloseIcon').getBoundingClientRect().toJSON()"
    )
    box = page.evaluate(icon)
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left"}
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, clickCount=1, **at)


def use_palette(page: BrowserTab, command: str) -> None:
    """Run a command of JupyterLab by its name."""
    page.press("c", ctrl=True, shift=True)
    page.wait_for("document.activeElement.matches('.lm-CommandPalette-input')")
    page.type(command)
    active = "document.querySelector('.lm-CommandPalette-item.lm-mod-active')"
    page.wait_for(f"{active}?.innerText.includes({json.dumps(command)})")
    page.press("Enter")


def test_the_first_view_has_three_panes_and_a_run_leaves_the_clone_clean(
    browser: Chromium, clone: Path, home: Path, mark: str
) -> None:
    """A user's own ``default`` workspace, with other tabs, is not touched."""
    own = home / ".jupyter/lab/workspaces/default-37a8.jupyterlab-workspace"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps(OWN_WORKSPACE))
    with jupyterlab(clone, learner_environment(home, SHELL="/bin/bash")) as url:
        assert "/lab/workspaces/labkit?token=" in url
        page = open_page(browser, url)
        page.wait_for(f"{TOUR}.hidden === false")
        page.wait_for(KERNEL_IDLE)
        # The question about news came as soon as the page had the settings.
        time.sleep(2)
        assert page.evaluate(POPUPS) == 0
        assert page.evaluate(TABS) == PANES
        for width in (1600, 1100):
            page.look(width=width, height=800)
            notebook, lab_page = place(page, ".jp-NotebookPanel"), place(page, ".jp-ServerProxy iframe")
            terminal = place(page, ".jp-Terminal")
            assert notebook["right"] <= lab_page["left"]
            assert lab_page["bottom"] <= terminal["top"]
            assert notebook["width"] > width * 0.4
            assert lab_page["width"] > width * 0.4
            assert terminal["height"] > 100

        # The first code cells: start a lab, and write a function's folder.
        for number in range(5):
            cell = f"document.querySelectorAll('.jp-CodeCell')[{number}]"
            page.evaluate(f"{cell}.querySelector('.cm-content').focus()")
            page.press("Enter", ctrl=True)
            page.wait_for(f"/[0-9]/.test({cell}.querySelector('.jp-InputPrompt').textContent)")
        leave(page)

    assert git(clone, "status", "--porcelain") == ""
    copy = json.loads((clone / COPIES / FIRST).read_text())
    assert any(cell.get("outputs") for cell in copy["cells"])
    assert json.loads(own.read_text()) == OWN_WORKSPACE
    assert [path.name for path in own.parent.iterdir()] == [own.name]
    assert_gone(mark, within=10)


def test_a_second_start_keeps_what_the_learner_arranged(
    browser: Chromium, workspace: Path, home: Path, mark: str
) -> None:
    environment = learner_environment(home, SHELL="/bin/bash")
    with jupyterlab(workspace, environment) as url:
        page = open_page(browser, url)
        wait_for_tabs(page, PANES)
        close_tab(page, "Terminal 1")
        arranged = [FIRST, "Lab page"]
        wait_for_tabs(page, arranged)
        saved = next((workspace / ".labkit/jupyterlab").iterdir())
        eventually(lambda: "terminal:1" not in saved.read_text(), saved.read_text, within=10)
        leave(page)
    mine = "# my notes"
    (workspace / COPIES / SECOND).write_text(mine)

    with jupyterlab(workspace, environment) as url:
        page = open_page(browser, url)
        page.wait_for(f"{TABS}.length")
        page.wait_for(f"!!{LAB_PAGE}.getElementById('tour')")  # at another port than before
        assert page.evaluate(TABS) == arranged
        assert page.evaluate(POPUPS) == 0
        leave(page)

    with jupyterlab(workspace, environment, f"{COPIES}/03-callbacks-and-the-inspector.ipynb") as url:
        page = open_page(browser, url)
        page.wait_for(f"{TABS}.includes('03-callbacks-and-the-inspector.ipynb')")
        assert page.evaluate(f"{TABS}.sort()") == sorted([*arranged, "03-callbacks-and-the-inspector.ipynb"])
        leave(page)
    assert (workspace / COPIES / SECOND).read_text() == mine
    assert_gone(mark, within=10)


def test_a_first_start_with_another_notebook_opens_only_that(
    browser: Chromium, workspace: Path, home: Path, mark: str
) -> None:
    with jupyterlab(workspace, learner_environment(home), f"{COPIES}/{SECOND}") as url:
        assert f"/lab/workspaces/labkit/tree/{COPIES}/{SECOND}?token=" in url
        page = open_page(browser, url)
        wait_for_tabs(page, [SECOND, *PANES[1:]])
        time.sleep(1)  # no second tab for the notebook of the address
        assert page.evaluate(TABS) == [SECOND, *PANES[1:]]
        leave(page)
    assert_gone(mark, within=10)


def test_two_labs_at_once_have_tabs_of_their_own(
    browser: Chromium, workspace: Path, home: Path, mark: str, tmp_path: Path
) -> None:
    environment = learner_environment(home)
    other = tmp_path / f"other-{mark}"
    other.mkdir()
    with (
        jupyterlab(workspace, environment) as first,
        jupyterlab(other, environment, f"{COPIES}/{SECOND}") as url,
    ):
        page = open_page(browser, first)
        wait_for_tabs(page, PANES)
        leave(page)
        page = open_page(browser, url)
        wait_for_tabs(page, [SECOND, *PANES[1:]])
        leave(page)
    assert_gone(mark, within=10)


def test_a_fresh_copy_from_the_terminal_keeps_the_learner_s_notebook(
    browser: Chromium, workspace: Path, home: Path, mark: str
) -> None:
    with jupyterlab(workspace, learner_environment(home, SHELL="/bin/bash")) as url:
        page = open_page(browser, url)
        page.wait_for(KERNEL_IDLE)
        copy = workspace / COPIES / FIRST
        document = json.loads(copy.read_text())
        document["cells"][0]["source"] = "# My own title"
        changed = json.dumps(document)
        copy.write_text(changed)
        terminal = Terminal(page)
        assert f"{COPIES}/{FIRST}" in terminal.run("labkit notebooks list | grep changed")
        said = terminal.run("labkit notebooks copy en/00")
        (backup,) = (path for path in (workspace / COPIES).glob("00-*") if path != copy)
        assert said.split() == f"{COPIES}/{FIRST}: a fresh copy. Yours is now {COPIES}/{backup.name}.".split()
        assert backup.read_text() == changed
        originals = list(notebooks_folder().glob("*/[0-9][0-9]-*.ipynb"))
        assert terminal.run("labkit notebooks list | grep -c untouched") == str(len(originals))
        # As the help says: File, Reload Notebook from Disk.
        page.evaluate("document.querySelector('.jp-CodeCell .cm-content').focus()")
        use_palette(page, "Reload Notebook from Disk")
        page.wait_for(f"!document.querySelector('.lm-TabBar-tab.jp-mod-dirty') || {POPUPS}")
        page.evaluate("document.querySelector('.jp-Dialog .jp-mod-accept')?.click()")
        page.wait_for(f"{POPUPS} === 0")
        leave(page)
        assert "My own title" not in copy.read_text()
        assert backup.read_text() == changed
    assert_gone(mark, within=10)


class LabPageFrame:
    """The lab page inside JupyterLab."""

    def __init__(self, page: BrowserTab) -> None:
        self._page = page
        frames = page.call("Page.getFrameTree")["frameTree"]["childFrames"]
        (frame,) = (each["frame"] for each in frames if each["frame"]["url"].rstrip("/").endswith("/labkit"))
        self._world = page.call("Page.createIsolatedWorld", frameId=frame["id"])["executionContextId"]

    def evaluate(self, expression: str) -> Any:
        answer = self._page.call(
            "Runtime.evaluate",
            expression=expression,
            contextId=self._world,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong in the frame."""
        self.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8") + "; true")
        found = self.evaluate("axe.run().then((result) => result.violations)")
        return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


@pytest.fixture
def lab_page(browser: Chromium, workspace: Path, home: Path, mark: str) -> Iterator[BrowserTab]:
    with jupyterlab(workspace, learner_environment(home)) as url:
        page = open_page(browser, url)
        page.wait_for(f"{TOUR}.hidden === false")
        page.wait_for(KERNEL_IDLE)
        page.look(width=1100, height=800)
        yield page
        leave(page)
    assert_gone(mark, within=10)


def test_the_tour_is_shown_once_and_again_on_request_by_keyboard(lab_page: BrowserTab) -> None:
    pytest.importorskip("axe_playwright_python")
    page = lab_page
    text = page.evaluate(f"{TOUR}.innerText")
    for word in ("Notebook", "Stop button", "Lab page", "Terminal", "labkit notebooks copy 01"):
        assert word in text
    assert LabPageFrame(page).violations() == []

    page.evaluate(f"{LAB_PAGE}.getElementById('tour-close').focus()")
    page.press("Enter")
    page.wait_for(f"{TOUR}.hidden && {LAB_PAGE}.activeElement.id === 'view'")
    page.evaluate(f"{LAB_PAGE}.documentElement.id = 'before'; {LAB_PAGE}.defaultView.location.reload()")
    page.wait_for(f"{LAB_PAGE}.documentElement?.id === '' && !!{LAB_PAGE}.getElementById('tour-again')")
    assert page.evaluate(f"{TOUR}.hidden")

    page.evaluate(f"{LAB_PAGE}.getElementById('language').click()")
    page.wait_for(f"{LAB_PAGE}.documentElement.lang === 'zh-CN'")
    page.evaluate(f"{LAB_PAGE}.getElementById('tour-again').focus()")
    page.press("Enter")
    page.wait_for(f"{TOUR}.hidden === false && {LAB_PAGE}.activeElement.id === 'tour-title'")
    assert "停止按钮" in page.evaluate(f"{TOUR}.innerText")
    assert LabPageFrame(page).violations() == []
    page.press("Escape")
    page.wait_for(f"{TOUR}.hidden")
    page.evaluate(f"{LAB_PAGE}.defaultView.localStorage.clear()")


def test_the_lab_page_takes_jupyterlab_s_colours_at_once(lab_page: BrowserTab) -> None:
    page = lab_page
    background = f"getComputedStyle({LAB_PAGE}.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    for theme, colour in (("JupyterLab Dark", "rgb(20, 23, 27)"), ("JupyterLab Light", "rgb(255, 255, 255)")):
        use_palette(page, theme)
        page.wait_for(f"{background} === {json.dumps(colour)}")


def test_the_tour_is_not_on_the_page_outside_jupyterlab(lab_page: BrowserTab, browser: Chromium) -> None:
    page = browser.open(lab_page.evaluate("new URL('/labkit/', location).href"))
    page.wait_for("document.documentElement.dataset.ready === 'true'")
    assert page.evaluate("document.getElementById('tour').hidden")
    assert page.evaluate("document.getElementById('tour-again')") is None
    page.close()
