"""Tables as text and as HTML."""

from __future__ import annotations

from labkit.views.dead_letters import DeadLetter
from labkit.views.tables import html_table, text_table

ROWS = [("name", "count"), ("a", "1"), ("long name", "")]


def test_text_columns_are_aligned_left_or_right() -> None:
    assert text_table(ROWS).splitlines() == ["name       count", "a          1", "long name"]
    assert text_table(ROWS, right=(1,)).splitlines() == ["name       count", "a              1", "long name"]


def test_html_cells_are_escaped() -> None:
    assert html_table([("<b>",), ("&",)]) == (
        "<table><thead><tr>"
        '<th style="text-align:left">&lt;b&gt;</th></tr></thead>'
        '<tbody><tr><td style="text-align:left">&amp;</td></tr></tbody></table>'
    )


def test_a_row_of_a_dead_letter_shows_its_time_in_seconds() -> None:
    letter = DeadLetter("1", "f", "invocation", "why", 3, "2026-11-29T21:30:16.424984Z", "", 500, "", {})

    assert letter.row() == ("2026-11-29 21:30:16", "f", "invocation", "3", "why", "1")
