"""Requests as rows of the database."""

from __future__ import annotations

from typing import Any

from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.queries.search_text import header_lines
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse

_REQUEST = (
    *("seq", "received_ns", "method", "call_id", "function", "function_status", "pinned", "note", "mark"),
    *("replay_of", "body_seconds", "host", "port", "http_version", "target", "path", "subpath", "query"),
    *("headers", "size", "sha256", "body"),
)
_RESPONSE = (
    *("status", "rule", "overridden_by", "delay", "started", "ended", "held", "sent_headers", "sent_body"),
)
_COLUMNS = ("id", "bin", "ulid", *_REQUEST, *_RESPONSE)

# Python's sqlite3 looks for an adapter of every value that is not an int, a
# float, a str or a bytearray; for None and bytes that takes half of the time
# of an insert. So a row has other values: "" for NULL where NULL is usual, and
# a bytearray for a short bytes.
_SHORT = 4096

_MOSTLY_NULL = ("function_status", "replay_of", "overridden_by")
_VALUES = ", ".join("nullif(?, '')" if name in _MOSTLY_NULL else "?" for name in _COLUMNS)

INSERT = f"INSERT INTO requests ({', '.join(_COLUMNS)}) VALUES ({_VALUES})"
"""Takes a row of ``to_row``."""

_ANSWERED = ", ".join(
    f"{name} = nullif(?, '')" if name in _MOSTLY_NULL else f"{name} = ?" for name in _RESPONSE
)
ANSWER = f"UPDATE requests SET {_ANSWERED} WHERE ulid = ?"
"""Takes a row of ``response_row`` and a record's id."""

ANNOTATE = "UPDATE requests SET note = ?, mark = ?, pinned = ? WHERE ulid = ?"
"""Takes a row of ``annotation_row``."""

SELECT = f"SELECT ulid, {', '.join((*_REQUEST, *_RESPONSE))} FROM requests"
"""Returns what ``from_row`` takes."""

_OPEN = (None,) * len(_RESPONSE)

Row = tuple[Any, ...]


def to_row(row_id: int, key: int, record: RequestRecord) -> Row:
    """Return the row of a record in the bin with this key."""
    request, callback, response = record.request, record.request.callback, record.response
    target, path, subpath, query = request.target, request.path, request.subpath, request.query
    if not (target.isascii() and path.isascii() and subpath.isascii() and query.isascii()):
        target, path, subpath, query = map(_text, (target, path, subpath, query))
    headers, body = header_lines(request.headers), request.body
    return (
        row_id,
        key,
        record.id,
        record.seq,
        request.received_ns,
        request.method if request.method.isascii() else _text(request.method),
        callback.call_id if callback else "",
        callback.function if callback else "",
        "" if callback is None or callback.status is None else callback.status,
        int(record.pinned),
        record.note and _text(record.note),
        record.mark and _text(record.mark),
        record.replay_of or "",
        request.body_seconds,
        *request.peer,
        request.http_version,
        target,
        path,
        subpath,
        query,
        headers if headers.isascii() else _text(headers),
        request.size,
        bytearray.fromhex(request.sha256),
        bytearray(body) if len(body) <= _SHORT else body,
        *(_OPEN if response is None else response_row(response)),
    )


def response_row(response: SentResponse) -> Row:
    """Return the columns of a response."""
    headers, body = response.headers, response.body
    lines = header_lines(headers)
    if lines.count("\n") >= len(headers):  # a value has a line break, or there is no header
        lines = header_lines([(name, value.replace("\n", " ")) for name, value in headers])
    return (
        response.status,
        response.rule,
        response.overridden_by or "",
        response.delay,
        response.started,
        response.ended,
        response.held,
        lines if lines.isascii() else _text(lines),
        bytearray(body) if len(body) <= _SHORT else body,
    )


def annotation_row(record: RequestRecord) -> Row:
    """Return what the user added to a record, and its id."""
    return _text(record.note), _text(record.mark), record.pinned, record.id


def from_row(bin_name: str, row: Row) -> RequestRecord:
    """Return the record of a row that ``SELECT`` returned."""
    response = None
    if row[23] is not None:
        sent = dict(zip(_RESPONSE, row[23:], strict=True))
        sent["headers"], sent["body"] = _pairs(sent.pop("sent_headers")), sent.pop("sent_body")
        response = SentResponse(**sent)
    values = dict(zip(_REQUEST, row[1:23], strict=True))
    headers = _pairs(values["headers"])
    request = ReceivedRequest(
        received_ns=values["received_ns"],
        body_seconds=values["body_seconds"],
        peer=(values["host"], values["port"]),
        http_version=values["http_version"],
        method=values["method"],
        target=values["target"],
        path=values["path"],
        subpath=values["subpath"],
        query=values["query"],
        headers=headers,
        body=values["body"],
        size=values["size"],
        sha256=values["sha256"].hex(),
        callback=parse_callback_headers(Headers(headers)),
    )
    return RequestRecord(
        id=row[0],
        bin=bin_name,
        seq=values["seq"],
        request=request,
        response=response,
        note=values["note"],
        mark=values["mark"],
        pinned=bool(values["pinned"]),
        replay_of=values["replay_of"],
    )


def _pairs(lines: str) -> tuple[Pair, ...]:
    if not lines:
        return ()
    found = (line.partition(": ") for line in lines.split("\n"))
    return tuple((name, value) for name, _, value in found)


def _text(text: str) -> str:
    """Return text that can be stored: half of a surrogate pair can't."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
