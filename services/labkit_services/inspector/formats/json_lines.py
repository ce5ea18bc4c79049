"""JSON lines: a record a line, with headers and body; write and read."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labkit_services.contract.compact_json import encode
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http.headers import Pair
from labkit_services.inspector.formats.imports import Exchange, ImportRefusedError, exchange, field
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord

_SHA256 = re.compile("[0-9a-f]{64}")
_MOST_BYTES = 2**62


def json_line(record: RequestRecord) -> str:
    """Return the record of the REST API, on one line."""
    return encode(record.to_json()) + "\n"


def read_json_lines(data: bytes) -> Iterator[Exchange]:
    """Yield the exchanges of a file.

    Raises:
        ImportRefusedError: A line is no record; names the line.
    """
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip():
            try:
                document = read_json(line)
            except InvalidJsonError as error:
                raise ImportRefusedError("a line is not JSON", seen=f"line {number}: {error}") from None
            yield read_record(document, f"line {number}")


def read_record(document: Any, where: str) -> Exchange:
    """Return the exchange of a record of the REST API."""
    response = document.get("response") if isinstance(document, dict) else None
    response = response if isinstance(response, dict) else {}
    status = response.get("status")
    read = exchange(
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
    return replace(read, request=_as_cut(read.request, document))


def _as_cut(request: ReceivedRequest, document: dict[str, Any]) -> ReceivedRequest:
    """Return the request with size and hash of the body before it was cut."""
    size, sha256 = document.get("content_length"), document.get("body_sha256")
    if document.get("truncated") is not True or type(size) is not int or not isinstance(sha256, str):
        return request
    if not len(request.body) < size < _MOST_BYTES or not _SHA256.fullmatch(sha256):
        return request
    return replace(request, size=size, sha256=sha256)


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
