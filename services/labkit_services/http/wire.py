"""Turning heads into bytes."""

from __future__ import annotations

import http
import time
from collections.abc import Iterable

from labkit_services.http.headers import Pair


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Status"  # a function may answer with any number; the line needs some phrase


STATUS_LINES = {status: f"HTTP/1.1 {status} {_phrase(status)}\r\n" for status in range(200, 1000)}
"""Of all final answers: a client takes a status below 200 for an interim one and waits on."""

_date = (0, "")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date_header() -> str:
    """Return the ``Date`` header line, made anew once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {http_date(now)}\r\n")
    return _date[1]


def http_date(seconds: int) -> str:
    """Write a Unix time as HTTP does, in English whatever the locale (RFC 9110 §5.6.7)."""
    # Not email.utils.formatdate: its import takes longer than that of the whole package here.
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year} {clock} GMT"


def encode_head(first_line: str, headers: Iterable[Pair], extra: str = "") -> bytes:
    """Return the head of a message: first line, headers, ``extra`` ready-made lines.

    Raises:
        ValueError: A line holds a line break of its own, which would let whoever
            chose it write headers, or a whole message, of their own.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    block = first_line + "".join(lines)
    if block.count("\n") != len(lines) + 1 or block.count("\r") != len(lines) + 1:
        raise ValueError("the first line or a header holds a line break")
    return f"{block}{extra}\r\n".encode("latin-1", "replace")
