"""The notebooks that labkit ships, found in a checkout.

``tests/service/test_wheel.py`` finds them in an installed wheel.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit import pristine_notebooks
from labkit.errors import WorkspaceError
from labkit.pristine_notebooks import notebooks_folder

ROOT = Path(__file__).parents[2]


def test_a_checkout_has_its_own_notebooks() -> None:
    assert notebooks_folder() == ROOT / "notebooks"
    assert (notebooks_folder() / "en/01-sync-vs-async.ipynb").is_file()


def test_a_wheel_has_its_own_even_beside_another_folder_of_that_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``site-packages/notebooks`` may be anybody's."""
    package, other = tmp_path / "labkit/notebooks", tmp_path / "notebooks"
    for folder in (package, other):
        (folder / "en").mkdir(parents=True)
    monkeypatch.setattr(pristine_notebooks, "_FOLDERS", (package, other))

    assert notebooks_folder() == package


def test_an_incomplete_installation_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pristine_notebooks, "_FOLDERS", (tmp_path / "notebooks",))

    with pytest.raises(WorkspaceError, match=r"notebooks are missing[\s\S]*install labkit again"):
        notebooks_folder()
