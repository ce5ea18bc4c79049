"""HAR 1.2, the HTTP archive format of browsers and proxies: write and read.

Source: http://www.softwareishard.com/blog/har-12-spec/. What OpenFaaS adds to
a callback is in ``_openfaas``; ``_`` starts a custom field.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from labkit_services.contract.names import VERSION
from labkit_services.contract.times import rfc3339
from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.formats.imports import Exchange, ImportRefusedError, exchange, field
from labkit_services.inspector.formats.snippets import url_of
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse


def har_head() -> dict[str, Any]:
    """Return a log without entries."""
    return {"version": "1.2", "creator": {"name": "labkit inspector", "version": VERSION}, "entries": []}


def har_entry(record: RequestRecord) -> dict[str, Any]:
    """Return one exchange as an entry; times are milliseconds.

    An exchange without a response yet has status 0, as in a browser's archive.
    """
    request, response = record.request, record.response
    receive = round(request.body_seconds * 1000, 3)
    wait = round(max(0.0, response.started - request.body_seconds) * 1000, 3) if response else 0.0
    send = round(max(0.0, response.ended - response.started) * 1000, 3) if response else 0.0
    content_type = Headers(request.headers).get("Content-Type")
    entry: dict[str, Any] = {
        "startedDateTime": rfc3339(request.received_ns),
        "time": round(receive + wait + send, 3),
        "request": {
            "method": request.method,
            "url": url_of(record),
            "httpVersion": f"HTTP/{request.http_version}",
            "cookies": [],
            "headers": _pairs(request.headers),
            "queryString": [
                {"name": name, "value": value}
                for name, value in parse_qsl(readable(request.query), keep_blank_values=True)
            ],
            "headersSize": -1,
            "bodySize": request.size,
        },
        "response": _response(response),
        "cache": {},
        # As the sender sees it: it sends, waits, receives.
        "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": receive, "wait": wait, "receive": send},
        "_id": record.id,
        "_bin": record.bin,
    }
    if request.body:
        post: dict[str, Any] = {"mimeType": readable(content_type), "params": []}
        if request.text is None:
            post |= {"text": base64.b64encode(request.body).decode(), "_encoding": "base64"}
        else:
            post["text"] = request.text
        entry["request"]["postData"] = post
    if request.truncated:
        entry["request"]["comment"] = f"the body is cut: {len(request.body)} of {request.size} bytes"
    if request.callback is not None:
        entry["_openfaas"] = request.callback.to_json()
    return entry


def _response(response: SentResponse | None) -> dict[str, Any]:
    status = response.status if response else 0
    body = response.body if response else b""
    headers = response.headers if response else ()
    content: dict[str, Any] = {"size": len(body), "mimeType": Headers(headers).get("Content-Type")}
    try:
        content["text"] = body.decode()
    except UnicodeDecodeError:
        content |= {"text": base64.b64encode(body).decode(), "encoding": "base64"}
    result: dict[str, Any] = {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": Headers(headers).get("Location"),
        "headersSize": -1,
        "bodySize": len(body),
    }
    if response is not None:
        result["_rule"] = response.rule
    return result


def _pairs(headers: tuple[Pair, ...]) -> list[dict[str, str]]:
    return [{"name": name, "value": readable(value)} for name, value in headers]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def read_har(document: dict[str, Any]) -> list[Exchange]:
    """Return the exchanges of an archive.

    Raises:
        ImportRefusedError: It is not an archive; names the entry.
    """
    log = field(document, "log", dict, "the archive")
    return [_read_entry(entry, number) for number, entry in enumerate(field(log, "entries", list, "log"), 1)]


def _read_entry(entry: Any, number: int) -> Exchange:
    where = f"entry {number}"
    if not isinstance(entry, dict):
        raise ImportRefusedError("no archive", expected="objects in log.entries", seen=where)
    request = field(entry, "request", dict, where)
    post, response = _object(request, "postData"), _object(entry, "response")
    status = response.get("status")
    content = _object(response, "content")
    return exchange(
        where,
        received_at=field(entry, "startedDateTime", str, where),
        method=field(request, "method", str, where),
        url=field(request, "url", str, where),
        headers=_read_pairs(request, where),
        body=_read_text(post, "_encoding", where),
        status=status if isinstance(status, int) and status else None,
        response_headers=_read_pairs(response, where) if response else (),
        response_body=_read_text(content, "encoding", where),
    )


def _object(container: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an optional object; empty if it is missing."""
    value = container.get(name)
    return value if isinstance(value, dict) else {}


def _read_pairs(message: dict[str, Any], where: str) -> tuple[Pair, ...]:
    pairs = message.get("headers", [])
    if not isinstance(pairs, list):
        raise ImportRefusedError("no archive", expected="headers to be a list", seen=where)
    return tuple((field(pair, "name", str, where), field(pair, "value", str, where)) for pair in pairs)


def _read_text(content: dict[str, Any], encoding: str, where: str) -> bytes:
    text = content.get("text") or ""
    if not isinstance(text, str):
        raise ImportRefusedError("no archive", expected="a body's text to be a string", seen=where)
    if content.get(encoding) != "base64":
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ImportRefusedError("a body is not base64", seen=f"{where}: {error}") from None
