"""Notebook files have nothing from a run; their first cell starts the lab."""

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
    """Return the notebook as in the file: nbformat would repair errors."""
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
def test_no_cell_has_metadata_of_its_execution(path: Path) -> None:
    """`metadata.execution` and collapsed cells differ for every reader."""
    personal = {"execution", "collapsed", "scrolled", "ExecuteTime"}
    kept = [cell["id"] for cell in read(path)["cells"] if personal & cell["metadata"].keys()]

    assert kept == []


@of_each_notebook
def test_metadata_has_kernel_and_language_and_no_widget_state(path: Path) -> None:
    """GitHub shows no partial widget state; language versions differ."""
    metadata = read(path)["metadata"]

    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["language_info"]["name"] == "python"
    assert "version" not in metadata["language_info"]
    assert "widgets" not in metadata


@of_each_notebook
def test_every_cell_has_a_unique_id(path: Path) -> None:
    """Without ids, each Jupyter invents others; translations share them."""
    notebook = read(path)
    ids = [cell.get("id") for cell in notebook["cells"]]

    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    assert all(ids)
    assert len(set(ids)) == len(ids)


@of_each_notebook
def test_the_first_code_cell_starts_the_lab(path: Path) -> None:
    """After a restart or on Binder, the first cell must be enough."""
    first = "".join(code_cells(path)[0]["source"])  # a list of lines in the file

    assert "Lab.start(" in first
