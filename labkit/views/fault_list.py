"""Faults, as a learner sees them."""

from __future__ import annotations

from datetime import UTC, datetime

from labkit.views.faults import FaultSpan
from labkit.views.formatting import format_seconds
from labkit.views.tables import html_table, text_table


class FaultList(list[FaultSpan]):
    """What went wrong on purpose, oldest first; shows itself as a table."""

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table: a heading, then a row for each fault."""
        return [("began at (UTC)", "what", "lasted"), *map(_row, self)]

    def __repr__(self) -> str:
        return text_table(self.rows()) if self else "no faults"

    def _repr_html_(self) -> str:
        return html_table(self.rows()) if self else "<p>no faults</p>"


def _row(fault: FaultSpan) -> tuple[str, ...]:
    began = datetime.fromtimestamp(fault.began / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
    how = "".join(f", {key} {value}" for key, value in fault.how.items())
    lasted = "goes on" if fault.ended is None else format_seconds((fault.ended - fault.began) / 1e9)
    return began, f"{fault.service} {fault.kind}{how}", lasted
