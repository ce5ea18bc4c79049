"""Bins and captured requests as rows of a table in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit_services.contract.wire_text import printable

BINS_HEADING = ("name", "requests", "dropped", "url")
REQUESTS_HEADING = ("#", "time", "method", "path", "answered", "function", "said", "bytes", "call")
_LONGEST = 60


def bin_row(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a bin of the inspector's API."""
    return (found["name"], str(found["count"]), str(found["dropped"]), found["url"])


def request_row(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a request of the inspector's API."""
    response, openfaas = record["response"], record["openfaas"] or {}
    answered = "held" if response is None else str(response["status"] or "cut")
    return (
        str(record["seq"]),
        record["received_at"][11:23],
        _short(record["method"]),
        _short(record["path"] + (f"?{record['query_string']}" if record["query_string"] else "")),
        answered,
        _short(openfaas.get("function_name") or ""),
        str(openfaas.get("function_status") or ""),
        str(record["content_length"]),
        _short(openfaas.get("call_id") or ""),
    )


def _short(text: str) -> str:
    safe = printable(text)
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}…"
