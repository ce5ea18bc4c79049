"""Tables as text and as HTML; the first row is the heading."""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence

Rows = Sequence[Sequence[str]]


def text_table(rows: Rows, *, right: Collection[int] = ()) -> str:
    """Return the rows with aligned columns.

    Columns are aligned to the left, except for those numbered in ``right``.
    """
    aligned = []
    for number, column in enumerate(zip(*rows, strict=True)):
        width = max(map(len, column))
        aligned.append([cell.rjust(width) if number in right else cell.ljust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*aligned, strict=True))


def html_table(rows: Rows) -> str:
    """Return the rows as an HTML table; cells are escaped."""
    heading, *others = rows
    head = _html_cells("th", heading)
    body = "".join(f"<tr>{_html_cells('td', row)}</tr>" for row in others)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
