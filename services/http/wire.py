"""Turning heads into bytes."""

from __future__ import annotations

import http
import time
from collections.abc import Iterable
from email.utils import formatdate

from services.http.headers import Pair


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Status"  # a function may answer with any number; the line needs some phrase


STATUS_LINES = {status: f"HTTP/1.1 {status} {_phrase(status)}\r\n" for status in range(100, 1000)}

_date = (0, "")


def date_header() -> str:
    """Return the ``Date`` header line, made anew once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n")
    return _date[1]


def encode_head(first_line: str, headers: Iterable[Pair], extra: str = "") -> bytes:
    """Return the head of a message: first line, headers, ``extra`` ready-made lines.

    Raises:
        ValueError: A name or value holds a line break, which would let whoever
            chose it write headers, or a whole message, of their own.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    block = "".join(lines)
    if block.count("\n") != len(lines) or block.count("\r") != len(lines):
        raise ValueError("a header holds a line break")
    return f"{first_line}{block}{extra}\r\n".encode("latin-1", "replace")
