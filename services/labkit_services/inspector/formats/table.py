"""CSV: a line for each request, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

from labkit_services.inspector.records.request_record import RequestRecord

_SUMMARY = ("id", "seq", "received_at", "method", "url", "content_type", "content_length", "remote_addr")
_CALLBACK = ("call_id", "function_name", "function_status", "duration_seconds")
COLUMNS = (*_SUMMARY, *_CALLBACK, "response_status", "note", "body")

# A spreadsheet runs a cell that starts so as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(values: tuple[Any, ...]) -> str:
    """Return one line; no cell of it is a formula."""
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue()


def csv_row(record: RequestRecord) -> str:
    """Return a record's line; a body that is not text is left out."""
    document = record.to_json()
    openfaas = document["openfaas"] or {}
    response = record.response
    return csv_line(
        (
            *(document[name] for name in _SUMMARY),
            *(openfaas.get(name) for name in _CALLBACK),
            response.status if response else None,
            record.note,
            document.get("body", ""),
        )
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value
