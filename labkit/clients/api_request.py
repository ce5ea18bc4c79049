"""A request to the inspector's API that comes from a page: checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from labkit.errors import InvalidValueError

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PATH = re.compile(r"api/v1/[\w.~%!$&'()*+,;=:@/?-]{1,2000}", re.ASCII)
_STREAM = re.compile(r"/events/?(\?|$)")
_MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request below ``/api/v1/``.

    Attributes:
        path: Without the first slash, with the query: ``api/v1/queues``.
        body: JSON text, or "".
    """

    method: str
    path: str
    body: str = ""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> ApiRequest:
        """Check ``{"method", "path", "body"}``, or raise InvalidValueError."""
        method, path, body = (document.get(name) for name in ("method", "path", "body"))
        if method not in _METHODS:
            raise InvalidValueError("unknown method", expected=", ".join(_METHODS), seen=ascii(method)[:40])
        if not isinstance(path, str) or not _PATH.fullmatch(path) or _leaves(path):
            expected = "a path below api/v1/"
            raise InvalidValueError("the path is not allowed", expected=expected, seen=ascii(path)[:100])
        if _STREAM.search(path):
            raise InvalidValueError("a stream can't be relayed", expected="a response that ends", seen=path)
        if not _is_body(body):
            raise InvalidValueError("the body is not allowed", expected=f"JSON, at most {_MAX_BODY} bytes")
        return cls(method, path, body or "")


def _is_body(body: object) -> bool:
    """Tell whether it can be sent: half a surrogate pair can't."""
    try:
        return body is None or (isinstance(body, str) and len(body.encode()) <= _MAX_BODY)
    except UnicodeEncodeError:
        return False


def _leaves(path: str) -> bool:
    """Tell whether the path has a segment that leads upwards, or none."""
    segments = unquote(path.partition("?")[0]).split("/")
    return any(segment in ("", ".", "..") for segment in segments) or any(
        "\\" in segment or "\0" in segment for segment in segments
    )
