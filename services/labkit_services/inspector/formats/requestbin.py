"""RequestBin's names for the fields of bins and requests.

Source: the API of Runscope/requestbin, version 1.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.wire_text import readable
from labkit_services.http import Request
from labkit_services.inspector.formats.snippets import http
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.changes import StoredBin


def wants_requestbin(request: Request) -> bool:
    """Tell whether the client asks for RequestBin's names."""
    compat = parse_qs(request.query, keep_blank_values=True).get("compat")
    if compat not in (None, ["requestbin"]):
        raise InvalidValueError("invalid value for compat", expected="requestbin", seen=ascii(compat)[:80])
    return compat is not None


def requestbin_bin(stored: StoredBin, color: str) -> dict[str, Any]:
    """Return a bin; the colour is red, green, blue."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return {"private": False, "color": rgb, "name": stored.name, "request_count": stored.kept}


def requestbin_request(record: RequestRecord) -> dict[str, Any]:
    """Return a request; of several headers of a name the last one."""
    document = record.to_json()
    return {
        "id": record.id,
        "time": record.request.received_ns / 1e9,
        "remote_addr": document["remote_addr"],
        "method": document["method"],
        "headers": {name: readable(value) for name, value in record.request.headers},
        "query_string": document["query"],
        "form_data": document["form"] or {},
        "body": record.request.body.decode("utf-8", "replace"),
        "path": document["path"],
        "content_type": document["content_type"],
        "content_length": document["content_length"],
        "url": document["url"],
        "raw": http(record),
    }
