"""The notebooks in git are what their sources make, and translations are current."""

from __future__ import annotations

from tools.course.build import Course


def test_notebooks_and_translations_are_current() -> None:
    assert Course().problems() == [], "make notebooks-write; python -m tools.course translate NN"
