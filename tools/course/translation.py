"""A translation beside its English source: what is missing or stale; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.course.source import Cell


@dataclass(frozen=True)
class Finding:
    """One Markdown cell of a translation that is ``missing``, ``stale`` or ``extra``."""

    state: str
    cell: Cell

    def __str__(self) -> str:
        if self.state == "extra":
            return f"extra    {self.cell.id}: there is no such Markdown cell in English"
        return f"{self.state:8} {self.cell.id} source={self.cell.sha}"


def findings(english: Sequence[Cell], translated: Sequence[Cell]) -> list[Finding]:
    """Return what a translation lacks, in the order of the English cells."""
    texts = {cell.id: cell for cell in translated}
    wanted = [cell for cell in english if not cell.is_code]
    found = [
        Finding("stale" if cell.id in texts else "missing", cell)
        for cell in wanted
        if cell.id not in texts or texts[cell.id].marks.get("source") != cell.sha
    ]
    known = {cell.id for cell in wanted}
    return found + [Finding("extra", cell) for cell in translated if cell.id not in known]


def translate(english: Sequence[Cell], translated: Sequence[Cell]) -> list[Cell]:
    """Return the English cells with the translated texts; each has its ``source``.

    A Markdown cell without a translation stays English, and has no ``source``.
    """
    texts = {cell.id: cell for cell in translated if not cell.is_code}
    return [
        cell
        if cell.is_code or cell.id not in texts
        else replace(
            cell,
            text=texts[cell.id].text,
            marks={**cell.marks, "source": texts[cell.id].marks.get("source", "")},
        )
        for cell in english
    ]
