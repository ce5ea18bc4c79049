"""A headless Chromium for the tests of pages, and one JupyterLab for those of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, chromium, find_chromium
from jupyter_page import jupyterlab, learner_environment
from marked_processes import MARK, assert_gone, new_mark
from notebook_page import write_notebook


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    binary = find_chromium()
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, which CI must have")
        pytest.skip("no Chromium: install chromium, or set $CHROMIUM to one")
    with chromium(binary) as running:
        yield running


@pytest.fixture(scope="module")
def lab_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab's URL and its folder; nothing of it outlives the tests."""
    mark = new_mark()
    home = tmp_path_factory.mktemp("home")
    workspace = tmp_path_factory.mktemp(mark)
    write_notebook(workspace / "first.ipynb", [""])
    with jupyterlab(workspace, learner_environment(home, **{MARK: mark})) as url:
        yield url, workspace
    assert_gone(mark, within=30)
