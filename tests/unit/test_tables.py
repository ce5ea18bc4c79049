"""Tables as text and as HTML."""

from __future__ import annotations

from labkit.views.dead_letters import DeadLetter
from labkit.views.tables import html_table, text_table

LEFT = ' style="text-align:left"'
ROWS = [("name", "count"), ("a", "1"), ("long name", "")]


def test_text_columns_are_aligned_left_or_right() -> None:
    assert text_table(ROWS).splitlines() == ["name       count", "a          1", "long name"]
    assert text_table(ROWS, right=(1,)).splitlines() == ["name       count", "a              1", "long name"]


def test_html_cells_are_escaped_and_backticks_are_code() -> None:
    assert f"<td{LEFT}>&amp;<code>x&lt;y</code></td>" in html_table([("<b>",), ("&`x<y`",)])
    assert f"<th{LEFT}>&lt;b&gt;</th>" in html_table([("<b>",), ("&",)])


def test_columns_of_words_are_aligned_to_the_left() -> None:
    table = html_table(
        [("name", "size", "progress", "off"), ("00 a", "20 MB", "2/3", "3 %"), ("b", "7", "", "")]
    )

    assert f"<td{LEFT}>00 a</td><td>20 MB</td><td{LEFT}>2/3</td><td>3 %</td>" in table
    assert f"<th{LEFT}>name</th><th>size</th>" in table


def test_a_row_of_a_dead_letter_shows_its_time_in_seconds() -> None:
    letter = DeadLetter("1", "f", "invocation", "why", 3, "2026-11-29T21:30:16.424984Z", "", 500, "", {})

    assert letter.row() == ("2026-11-29 21:30:16", "f", "invocation", "3", "why", "1")
