"""Tables as text and as HTML; the first row is the heading."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import ClassVar, Protocol, TypeVar

from labkit.language import translated
from labkit.views.formatting import text_width

Rows = Sequence[Sequence[str]]
_AMOUNT = re.compile(r"-?[\d.,]+( ?[^\W\d]{1,6}| ?%)?|-|")
_CODE = re.compile(r"`([^`\n]+)`")
_LABEL = 10
"""Columns for the labels of a list."""


class TableItem(Protocol):
    """What has a row in a table."""

    def row(self) -> tuple[str, ...]:
        """Return its cells."""


T = TypeVar("T", bound=TableItem)


class TableList(list[T]):
    """A list that shows itself as a table, or as ``empty`` if there is one."""

    heading: ClassVar[tuple[str, ...]]
    empty: ClassVar[str] = ""

    def rows(self) -> Rows:
        """Return the table: the heading, then a row for each item."""
        return [self.heading, *(item.row() for item in self)]

    def __repr__(self) -> str:
        return text_table(self.rows()) if self or not self.empty else translated(self.empty)

    def _repr_html_(self) -> str:
        return html_table(self.rows()) if self or not self.empty else f"<p>{translated(self.empty)}</p>"


def text_table(rows: Rows, *, right: Collection[int] = ()) -> str:
    """Return the rows with aligned columns; the heading in one's language.

    Columns are aligned to the left, except for those numbered in ``right``.
    """
    aligned = []
    for number, column in enumerate(zip(*_with_heading(rows), strict=True)):
        width = max(map(text_width, column))
        blanks = [" " * (width - text_width(cell)) for cell in column]
        pairs = zip(column, blanks, strict=True)
        aligned.append([blank + cell if number in right else cell + blank for cell, blank in pairs])
    return "\n".join("  ".join(row).rstrip() for row in zip(*aligned, strict=True))


def labelled(label: str, text: str, width: int = _LABEL) -> str:
    """Return a line of a list: a label in one's language, and a text."""
    shown = translated(label)
    return f"{shown}{' ' * (width - text_width(shown))}{text}"


def html_table(rows: Rows) -> str:
    """Return the rows as an HTML table; cells are escaped.

    Columns of words are aligned to the left; JupyterLab aligns the others,
    of amounts, to the right. What is between backticks is shown as code.
    """
    heading, *others = _with_heading(rows)
    columns = zip(*others, strict=True) if others else ([""] for _ in heading)
    styles = ["" if all(map(_AMOUNT.fullmatch, column)) else ' style="text-align:left"' for column in columns]
    head = _html_cells("th", heading, styles)
    body = "".join(f"<tr>{_html_cells('td', row, styles)}</tr>" for row in others)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _with_heading(rows: Rows) -> Rows:
    return [[translated(cell) for cell in rows[0]], *rows[1:]] if rows else rows


def _html_cells(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    import html  # not at the start of a supervisor, which lists faults

    shown = (_CODE.sub(r"<code>\1</code>", html.escape(cell)) for cell in cells)
    return "".join(f"<{tag}{style}>{cell}</{tag}>" for cell, style in zip(shown, styles, strict=True))
