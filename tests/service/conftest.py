"""Real labs for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import MARK, assert_gone, new_mark, start_lab

from labkit import Lab
from labkit.lifecycle import environment


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Mark what this test starts; at its end nothing of it may be left."""
    mark = new_mark()
    monkeypatch.setenv(MARK, mark)
    before = dict(os.environ)
    yield mark
    os.environ.clear()
    os.environ.update(before)
    assert_gone(mark)


@pytest.fixture
def workspace(tmp_path: Path, mark: str) -> Path:
    """An empty folder for a lab of this test's own."""
    folder = tmp_path / mark
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One running lab for all tests that don't harm it; on any ports."""
    lab = start_lab(tmp_path_factory.mktemp("lab"))
    # Each test says for itself what its commands should find.
    environment.leave(lab.aio.workspace)
    yield lab
    lab.stop()
