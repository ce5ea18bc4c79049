"""Notebooks of cells, and the files of the course."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.course.source import Cell, SourceError, learners, parse
from tools.course.translation import Finding, findings, translate

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
ENGLISH = "en"
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the notebook of cells, in nbformat 4.5."""
    return {
        "cells": [_cell(cell) for cell in cells],
        "metadata": _METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def file_of(cells: Sequence[Cell]) -> str:
    """Return the notebook's file, in the form in which Jupyter saves it."""
    return json.dumps(notebook(cells), indent=1, ensure_ascii=False) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labkit": own} if (own := _own_metadata(cell)) else {}
    if cell.tags:
        metadata["tags"] = cell.tags
    common = {"id": cell.id, "metadata": metadata}
    source = cell.text.splitlines(keepends=True)
    if not cell.is_code:
        return {"cell_type": "markdown", **common, "source": source}
    return {"cell_type": "code", "execution_count": None, **common, "outputs": [], "source": source}


def _own_metadata(cell: Cell) -> dict[str, str]:
    kinds = {key: value for key, value in cell.marks.items() if key in ("exercise", "predict", "check")}
    return {**kinds, **({"source_sha": cell.marks["source"]} if "source" in cell.marks else {})}


class Course:
    """The files of the course in a folder ``notebooks``."""

    def __init__(self, folder: Path = NOTEBOOKS) -> None:
        self.folder = folder

    def sources(self, language: str = ENGLISH) -> list[Path]:
        """Return the sources of a language, in the order of their numbers."""
        return sorted((self.folder / "source" / language).glob("[0-9][0-9]-*.md"))

    @property
    def languages(self) -> list[str]:
        """English first."""
        folders = {path.name for path in (self.folder / "source").iterdir() if path.is_dir()}
        return [ENGLISH, *sorted(folders - {ENGLISH})]

    def english(self, number: str) -> list[Cell]:
        """Return the English cells of ``01`` or ``01-sync-vs-async``."""
        for path in self.sources():
            if number in (path.stem, path.stem[:2]):
                return _parsed(path)
        known = ", ".join(path.stem for path in self.sources())
        raise SourceError(f"there is no source of {number!r}; there are: {known}")

    def findings(self, path: Path) -> list[Finding]:
        """Return what the translation in ``path`` lacks."""
        return findings(self.english(path.stem), _parsed(path))

    def built(self) -> Iterator[tuple[Path, str]]:
        """Yield the path and content of every notebook that a learner gets."""
        for language in self.languages:
            for path in self.sources(language):
                english = self.english(path.stem)
                cells = english if language == ENGLISH else translate(english, _parsed(path))
                yield self.folder / language / f"{path.stem}.ipynb", file_of(learners(cells))

    def write(self) -> list[Path]:
        """Write the notebooks that are not current; return their paths."""
        written = []
        for path, content in self.built():
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                path.parent.mkdir(exist_ok=True)
                path.write_text(content, encoding="utf-8")
                written.append(path)
        return written

    def problems(self) -> list[str]:
        """Return what is stale: notebooks without or beside their source, translations."""
        built = dict(self.built())
        found = [
            f"{self._shown(path)} is not what its source makes"
            for path, content in built.items()
            if not path.exists() or path.read_text(encoding="utf-8") != content
        ]
        kept = {path for language in self.languages for path in (self.folder / language).glob("*.ipynb")}
        found += [f"{self._shown(path)} has no source" for path in sorted(kept - built.keys())]
        for language in self.languages[1:]:
            for path in self.sources(language):
                found += [f"{self._shown(path)}: {finding}" for finding in self.findings(path)]
        return found

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.folder.parent))


def _parsed(path: Path) -> list[Cell]:
    return parse(path.read_text(encoding="utf-8"), path.name)


def from_notebook(document: dict[str, Any]) -> list[Cell]:
    """Return the cells of a notebook's file, to begin a source with."""
    return [
        Cell(
            "code" if cell["cell_type"] == "code" else "cell",
            cell["id"],
            "".join(cell["source"]),
            {"tags": ",".join(tags)} if (tags := cell["metadata"].get("tags")) else {},
        )
        for cell in document["cells"]
    ]
