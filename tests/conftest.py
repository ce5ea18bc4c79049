"""Hooks and fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from marked_processes import MARK, assert_gone, new_mark

_TESTS = Path(__file__).parent


def pytest_configure() -> None:
    """Start programs with default signals, also when this run ignores them.

    `nohup`, and a script's `&`, start this process with SIGHUP or SIGINT ignored, and every program that a
    test starts would inherit that. A handler in Python is not inherited: programs start with the default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run unit tests last: short files keep all parallel workers busy."""
    items.sort(key=lambda item: _TESTS / "unit" in item.path.parents)


@pytest.fixture
def anyio_backend() -> str:
    """Run `@pytest.mark.anyio` tests on asyncio, as the services do."""
    return "asyncio"


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Mark the processes of this test; none of them may outlive it."""
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
