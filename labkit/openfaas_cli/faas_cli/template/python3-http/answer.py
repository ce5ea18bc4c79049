"""What a handler returns, as in OpenFaaS's template python3-http, which uses Flask."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from uuid import UUID

TYPE = "text/html; charset=utf-8"
"""Flask's type for all but JSON; a handler that returns plain text can name its own."""


@dataclass(frozen=True)
class Response:
    """The response to a request. A header may be repeated, as Set-Cookie is."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def response_of(result: Any) -> Response:
    """Return the response that a handler's result describes.

    A dict may have ``statusCode``, ``headers`` and ``body``; a tuple is (body, status), (body, headers)
    or (body, status, headers); anything else is the body. Headers are a dict or a list of pairs.

    Raises:
        TypeError: The result, the status or a header is invalid.
    """
    status, headers, body = None, None, result
    if isinstance(result, dict):
        status, headers, body = result.get("statusCode"), result.get("headers"), result.get("body", "")
    elif isinstance(result, tuple) and len(result) == 3:
        body, status, headers = result
    elif isinstance(result, tuple) and len(result) == 2:
        is_headers = isinstance(result[1], dict | list | tuple)
        body, status, headers = result[0], *((None, result[1]) if is_headers else (result[1], None))
    own: list[tuple[str, str]] = []
    if hasattr(body, "get_data") and hasattr(body, "status_code"):  # a Response of Flask
        own, status, body = list(body.headers.items()), status or body.status_code, body.get_data()
    if isinstance(result, tuple) and body is None:
        raise TypeError("the body of a tuple is None; an empty body is ''")
    data, content_type = _encoded(body, is_part=isinstance(result, dict))
    pairs = own + _pairs(headers)
    if "content-type" not in {name.lower() for name, _ in pairs}:
        pairs.append(("Content-Type", content_type))
    return Response(_status(status), pairs, data)


def _status(status: Any) -> int:
    """Return a status that may be text, such as "404 Not Found"; 200 if there is none."""
    if status is None:
        return 200
    number = str(status).partition(" ")[0] if isinstance(status, str) else status
    try:
        found = int(number)
    except (TypeError, ValueError):
        found = 0
    if isinstance(number, bool | float) or not 200 <= found <= 999:
        raise TypeError(f"the status is {status!r}, not a number from 200 to 999")
    return found


def _pairs(headers: Any) -> list[tuple[str, str]]:
    """Return headers as pairs; a list of values in a dict repeats the header."""
    pairs = []
    for pair in headers.items() if hasattr(headers, "items") else headers or ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise TypeError(f"{pair!r} is not a pair of a header's name and value")
        name, value = pair
        pairs += [(str(name), str(each)) for each in (value if isinstance(value, list | tuple) else [value])]
    for pair in pairs:
        if any("\r" in text or "\n" in text for text in pair):
            raise TypeError("a header must not contain a line break")
        try:
            ": ".join(pair).encode("latin-1")
        except UnicodeEncodeError as error:
            raise TypeError(f"the header {pair[0]} has characters that HTTP does not allow") from error
    return pairs


def _encoded(body: Any, *, is_part: bool) -> tuple[bytes, str]:
    """Return a body with its type; ``is_part`` says that it stood beside status or headers.

    A number, for instance, is a body there, but not an answer by itself.
    """
    if body is None:
        return b"", TYPE
    if isinstance(body, bytes | bytearray):
        return bytes(body), TYPE
    if isinstance(body, dict | list):
        text = json.dumps(body, separators=(",", ":"), sort_keys=True, default=_as_json)
        return f"{text}\n".encode(), "application/json"
    if isinstance(body, str) or is_part:
        return str(body).encode(), TYPE
    if isinstance(body, Iterator):
        return b"".join(each.encode() if isinstance(each, str) else each for each in body), TYPE
    kind = type(body).__name__
    raise TypeError(f"the answer is a {kind}; return text, bytes, a dict, a list or a tuple (body, status)")


def _as_json(value: Any) -> Any:
    """Return what Flask writes into JSON for a value that JSON does not have."""
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return format_datetime(moment, usegmt=True)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
