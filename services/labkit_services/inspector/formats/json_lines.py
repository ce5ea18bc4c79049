"""JSON lines: a record a line, with headers and body; write and read."""

from __future__ import annotations

import base64
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http.headers import Pair
from labkit_services.inspector.formats.imports import Exchange, ImportRefusedError, exchange, field
from labkit_services.inspector.records.request_record import RequestRecord


def json_line(record: RequestRecord) -> str:
    """Return the record of the REST API, on one line."""
    return encode(record.to_json()) + "\n"


def read_json_lines(data: bytes) -> list[Exchange]:
    """Return the exchanges of a file.

    Raises:
        ImportRefusedError: A line is no record; names the line.
    """
    exchanges = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                document = read_json(line)
            except InvalidJsonError as error:
                raise ImportRefusedError("a line is not JSON", seen=f"line {number}: {error}") from None
            exchanges.append(read_record(document, f"line {number}"))
    return exchanges


def read_record(document: Any, where: str) -> Exchange:
    """Return the exchange of a record of the REST API."""
    response = document.get("response") if isinstance(document, dict) else None
    response = response if isinstance(response, dict) else {}
    status = response.get("status")
    return exchange(
        where,
        received_at=field(document, "received_at", str, where),
        method=field(document, "method", str, where),
        url=field(document, "url", str, where),
        headers=_pairs(document, where),
        body=_body(document, where),
        # A connection that was closed has no status to show.
        status=status if isinstance(status, int) and status else None,
        response_headers=_pairs(response, where) if status else (),
        response_body=_body(response, where) if status else b"",
    )


def _pairs(document: Any, where: str) -> tuple[Pair, ...]:
    pairs = field(document, "headers", list, where)
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise ImportRefusedError("headers are not pairs", expected='["Name", "value"]', seen=where)
    return tuple((name, value) for name, value in pairs)


def _body(document: Any, where: str) -> bytes:
    try:
        return base64.b64decode(document.get("body_base64") or "", validate=True)
    except (TypeError, ValueError) as error:
        raise ImportRefusedError("a body is not base64", seen=f"{where}: {error}") from None
