"""Notebooks as they are kept: nothing from a run in them, and able to start from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.glob("*/*.ipynb"))

of_each_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: str(path.relative_to(FOLDER)) if isinstance(path, Path) else None
)


def read(path: Path) -> dict[str, Any]:
    """Give the notebook as it is in the file: nbformat's own reading would repair what we look for."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


@of_each_notebook
def test_the_file_is_a_valid_notebook(path: Path) -> None:
    nbformat.validate(read(path))


@of_each_notebook
def test_no_cell_keeps_outputs_or_an_execution_count(path: Path) -> None:
    kept = [cell["id"] for cell in code_cells(path) if cell["outputs"] or cell["execution_count"] is not None]

    assert kept == [], "clear them: Edit > Clear Outputs of All Cells, then save"


@of_each_notebook
def test_no_cell_remembers_when_it_ran(path: Path) -> None:
    """JupyterLab's `metadata.execution`, and which cells were folded, differ for every reader."""
    personal = {"execution", "collapsed", "scrolled", "ExecuteTime"}
    kept = [cell["id"] for cell in read(path)["cells"] if personal & cell["metadata"].keys()]

    assert kept == []


@of_each_notebook
def test_metadata_is_the_kernel_and_the_language_and_no_widget_state(path: Path) -> None:
    """GitHub refuses a notebook with half a widget state; a language version changes with every reader."""
    metadata = read(path)["metadata"]

    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["language_info"]["name"] == "python"
    assert "version" not in metadata["language_info"]
    assert "widgets" not in metadata


@of_each_notebook
def test_every_cell_has_an_id_of_its_own_in_the_file(path: Path) -> None:
    """Older formats have none, and then each reader's Jupyter makes up others; a translation shares them."""
    notebook = read(path)
    ids = [cell.get("id") for cell in notebook["cells"]]

    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    assert all(ids)
    assert len(set(ids)) == len(ids)


@of_each_notebook
def test_the_first_code_cell_starts_the_lab(path: Path) -> None:
    """After a restart, or on a fresh Binder, running the first cell has to be enough to go on."""
    first = "".join(code_cells(path)[0]["source"])  # the file holds a list of lines

    assert "Lab.start(" in first
