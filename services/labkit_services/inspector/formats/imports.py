"""Requests that come from a file: read a field, build a record's parts."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from labkit_services.contract.times import parse_rfc3339
from labkit_services.http.headers import Headers, Pair
from labkit_services.inspector.errors import RequestRefusedError
from labkit_services.inspector.records.bin_names import split_capture_path
from labkit_services.inspector.records.received_callback import parse_callback_headers
from labkit_services.inspector.records.request_record import ReceivedRequest
from labkit_services.inspector.records.sent_response import SentResponse

_Value = TypeVar("_Value")

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,1000}")
_RULE = "import"


class ImportRefusedError(RequestRefusedError, ValueError):
    """The file can't be imported; nothing of it was."""

    status = 422


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of a file, and what it was answered with, if anything."""

    request: ReceivedRequest
    response: SentResponse | None


def field(container: Any, name: str, kind: type[_Value], where: str) -> _Value:
    """Return a field of a JSON object, or raise what is wrong with it."""
    value = container.get(name) if isinstance(container, dict) else None
    if not isinstance(value, kind):
        expected = f"{name} to be of the type {_JSON_NAMES.get(kind, kind.__name__)}"
        raise ImportRefusedError("a field is missing or wrong", expected=expected, seen=where)
    return value


_JSON_NAMES = {dict: "object", list: "array", str: "string", int: "number"}


def exchange(
    where: str,
    *,
    received_at: str,
    method: str,
    url: str,
    headers: tuple[Pair, ...],
    body: bytes,
    status: int | None = None,
    response_headers: tuple[Pair, ...] = (),
    response_body: bytes = b"",
) -> Exchange:
    """Return an exchange of a file, checked."""
    received_ns = _time(received_at, where)
    if not _METHOD.fullmatch(method):
        raise ImportRefusedError("a method is not valid", expected="a word such as POST", seen=where)
    headers = _checked(headers, where)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ImportRefusedError("a URL is not valid", seen=f"{where}: {error}") from None
    path = _wire(parts.path or "/")
    query = _wire(parts.query)
    _, subpath = split_capture_path(path)
    if "Host" not in Headers(headers) and parts.netloc:
        headers = (("Host", _wire(parts.netloc.rpartition("@")[2])), *headers)
    request = ReceivedRequest(
        received_ns=received_ns,
        body_seconds=0.0,
        peer=("", 0),
        http_version="1.1",
        method=method,
        target=f"{path}?{query}" if query else path,
        path=path,
        subpath=subpath,
        query=query,
        headers=headers,
        body=body,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        callback=parse_callback_headers(Headers(headers)),
    )
    if status is None:
        return Exchange(request, None)
    if not 100 <= status <= 999:
        raise ImportRefusedError("a status is not valid", expected="100 to 999", seen=f"{where}: {status}")
    answered = _checked(response_headers, where)
    response = SentResponse(
        status,
        answered,
        response_body,
        rule=_RULE,
        overridden_by=None,
        delay=0.0,
        started=0.0,
        ended=0.0,
        held=0.0,
    )
    return Exchange(request, response)


def _time(text: str, where: str) -> int:
    try:
        received_ns = parse_rfc3339(text)
    except ValueError as error:
        raise ImportRefusedError("a time is not valid", seen=f"{where}: {error}") from None
    if not 0 <= received_ns <= time.time_ns() + 86_400 * 10**9:
        raise ImportRefusedError("a time is not valid", expected="from 1970 to now", seen=f"{where}: {text}")
    return received_ns


def _checked(headers: tuple[Pair, ...], where: str) -> tuple[Pair, ...]:
    """Return headers as they are on the wire, without HTTP/2's own."""
    checked = []
    for name, value in headers:
        if name.startswith(":"):
            continue
        wire = _wire(value)
        if not _HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\0]", wire):
            raise ImportRefusedError("a header is not valid", seen=f"{where}: {name[:40]!a}")
        checked.append((name, wire))
    return tuple(checked)


def _wire(text: str) -> str:
    """Return text as latin-1 characters of its UTF-8 bytes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")
