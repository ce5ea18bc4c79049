"""Paths of URLs as Go decodes, cleans and encodes them.

A path is a string of latin-1 characters, each one byte of the wire.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_ESCAPED = "/$&+,:;=@"
"""With letters, digits and ``-_.~`` (Go, net/url/url.go, shouldEscape)."""


def unescape(path: str) -> str:
    """Decode ``%XX``; a percent sign without two hex digits: ValueError."""
    if _BAD_ESCAPE.search(path):
        raise ValueError(f"invalid URL escape in {path!a}")
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1")


def escape(path: str) -> str:
    """Encode a decoded path."""
    return quote_from_bytes(path.encode("latin-1"), _NOT_ESCAPED)


def clean(path: str) -> str:
    """Return a decoded path without ``.``, ``..`` and double slashes.

    As gorilla/mux and Go's ``http.ServeMux`` do; both redirect to it.
    """
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned
