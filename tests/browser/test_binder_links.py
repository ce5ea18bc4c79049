"""The pages of ``labkit binder``'s links, opened in a real JupyterLab as Binder and nbgitpuller do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import Chromium
from jupyter_page import KERNEL_IDLE, READY
from jupyter_servers import TOKEN, jupyter_server
from labkit_command import labkit

from labkit.pristine_notebooks import notebooks_folder

ODD = "notebooks/zh/练习 #1 100% (a&b).ipynb"
TABS = """[...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')]
    .map((tab) => tab.textContent)"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "home/labkit"
    first = folder / "notebooks/en/00-welcome.ipynb"
    for path in (first, folder / ODD):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((notebooks_folder() / "en" / first.name).read_bytes())
    identity = ("-c", "user.name=jo", "-c", "user.email=jo@example.org")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("remote", "add", "origin", "https://github.com/an-org/labkit"),
        ("add", "--all"),
        (*identity, "commit", "--quiet", "--message", "x"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=30)
    return folder


def pages(clone: Path, *arguments: str) -> dict[str, str]:
    """Return what each server appends to the address of a learner's own: the decoded ``urlpath``."""
    found = json.loads(labkit(clone, "binder", "--json", "--hub", "https://hub.example.edu", *arguments))
    return {
        name: parse_qs(urlsplit(found[name]["url"]).query)["urlpath"][0] for name in ("binder", "nbgitpuller")
    }


def tabs_of(browser: Chromium, url: str, wanted: str) -> list[str]:
    page = browser.open()
    page.look(width=1600, height=900)
    page.goto(f"{url}{'&' if '?' in url else '?'}token={TOKEN}")
    page.wait_for(READY)
    page.wait_for(f"{TABS}.includes({json.dumps(wanted)})")
    # A server that is ended while it still reads a notebook for the page never ends: threads of anyio wait.
    page.wait_for(KERNEL_IDLE)
    page.wait_for(f"!{TABS}.includes('...')")  # a terminal that is not connected yet
    tabs: list[str] = page.evaluate(TABS)
    page.goto("about:blank")
    return tabs


def test_links_open_their_notebook(browser: Chromium, clone: Path, tmp_path: Path, mark: str) -> None:
    odd = pages(clone, "--notebook", ODD, "--no-workspace")
    split = pages(clone)
    name = ODD.rpartition("/")[2]
    # On Binder the clone is the server's folder, on a Hub it is in the home folder.
    with jupyter_server(clone, new(tmp_path / "binder"), application="jupyterlab") as server:
        assert name in tabs_of(browser, server.url + odd["binder"], name)
        tabs = tabs_of(browser, server.url + split["binder"], "00-welcome.ipynb")
        assert (tabs.count("00-welcome.ipynb"), "Lab page" in tabs, len(tabs)) == (1, True, 3)
    with jupyter_server(clone.parent, new(tmp_path / "hub"), application="jupyterlab") as server:
        assert name in tabs_of(browser, server.url + odd["nbgitpuller"], name)


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder
