"""Requests and responses as bytes: status lines, dates, heads."""

from __future__ import annotations

import http
import time
from collections.abc import Iterable

from labkit_services.http.headers import Pair
from labkit_services.http.request import Request
from labkit_services.http.response import Response

_PHRASES = {int(status): status.phrase for status in http.HTTPStatus}
# A function may answer with any number; the line needs some phrase.
STATUS_LINES = {code: f"HTTP/1.1 {code} {_PHRASES.get(code, 'Status')}\r\n" for code in range(200, 1000)}
"""Of final responses: a client takes a status below 200 for an interim one and
waits on."""

BODILESS = (204, 304)
"""Statuses whose responses have no body."""

_date = (0, "")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_header() -> str:
    """Return the ``Date`` header line, formatted once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {http_date(now)}\r\n")
    return _date[1]


def http_date(seconds: int) -> str:
    """Format a Unix time, in English in every locale (RFC 9110 §5.6.7)."""
    # Not email.utils.formatdate: its import takes longer than that of the
    # whole package here.
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {clock} GMT"


def encode_head(first_line: str, headers: Iterable[Pair], extra: str = "") -> bytes:
    """Return the head of a message.

    The first line includes its line break; ``extra`` are more header lines,
    trusted. Any other line break raises ValueError: its author could add
    headers, or a whole message.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    block = first_line + "".join(lines)
    if block.count("\n") != len(lines) + 1 or block.count("\r") != len(lines) + 1:
        raise ValueError("the first line or a header contains a line break")
    return f"{block}{extra}\r\n".encode("latin-1", "replace")


def encode_response(request: Request, response: Response, *, keep_alive: bool) -> bytes:
    """Return a whole response, whose body is bytes.

    Raises ValueError for a status that is not a final response's, or a header
    with a line break.
    """
    body, framing = response.body, ""
    assert isinstance(body, bytes)
    if response.status in BODILESS:
        body = b""
    elif request.method != "HEAD" or "Content-Length" not in response.headers:
        # The response to HEAD announces what GET would return, if the handler
        # sets it.
        framing = f"Content-Length: {len(body)}\r\n"
        response.headers.remove("Content-Length")
    head = encode_response_head(request, response, framing, keep_alive=keep_alive)
    return head if request.method == "HEAD" else head + body


def encode_response_head(request: Request, response: Response, framing: str, *, keep_alive: bool) -> bytes:
    """Return the head of a response; ``framing`` are header lines.

    Raises ValueError as ``encode_response`` does.
    """
    if not keep_alive:
        framing += "Connection: close\r\n"
    elif request.http_version == "1.0":
        framing += "Connection: keep-alive\r\n"
    line = STATUS_LINES.get(response.status)
    if line is None:
        raise ValueError(f"{response.status} is not the status of a final response")
    return encode_head(line, response.headers.pairs, response.lines + date_header() + framing)
