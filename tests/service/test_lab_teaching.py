"""Teaching with a real lab: predictions, progress and resets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import start_lab

from labkit import Lab
from labkit.teaching.verdict import CourseVerdict


@pytest.fixture
def lab(workspace: Path) -> Iterator[Lab]:
    with start_lab(workspace) as lab:
        lab.deploy("long-task", fprocess="sleep 0.1")
        yield lab


def test_a_prediction_is_locked_by_its_run_and_drawn_into_the_plot(lab: Lab) -> None:
    assert lab.predict("01.async", 5).key == "kept"
    run = lab.measure("long-task", calls=2, mode="async", progress=False)

    assert lab.predict("01.async", 0.1).key == "locked"
    assert "you predicted 5 s" in lab.plot(run).alt
    assert lab.reset().seconds
    assert lab.predict("01.async", 0.1).key == "kept"


def test_progress_survives_a_reset_and_a_new_lab(lab: Lab, workspace: Path) -> None:
    assert isinstance(lab.choose("01.q1", "c"), CourseVerdict)
    lab.reset()
    assert "01.q1:r1c" in lab.progress().summary
    lab.stop()

    with start_lab(workspace) as another:
        assert "01.q1:r1c" in another.progress().summary


def test_the_language_is_the_folders_or_the_variables(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/my-notebooks/zh/01-sync-vs-async.ipynb")
    assert lab.language == "zh"
    assert "异步" in repr(lab.choose("01.q1"))
    monkeypatch.setenv("LABKIT_LANG", "en")
    assert lab.language == "en"
