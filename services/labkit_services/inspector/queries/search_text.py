"""What a search looks through: bytes, in which ASCII has no letter case.

Beyond ASCII the case must match: a body's encoding is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from labkit_services.http.headers import Pair

PLACES = ("any", "body", "query", "headers")
"""Where to search: the values of the parameter ``in``."""


def needle_of(text: str) -> bytes:
    """Return the bytes to search for."""
    return text.encode("utf-8", "replace").lower()


def target_text(target: str) -> bytes:
    """Return a request target as it came and percent-decoded."""
    came = target.encode("utf-8", "replace")
    return (came + b"\n" + unquote_to_bytes(came) if "%" in target else came).lower()


def header_text(lines: str) -> bytes:
    """Return headers in the form of ``header_lines``."""
    return lines.encode("latin-1", "replace").lower()


def header_lines(headers: Iterable[Pair]) -> str:
    """Return headers as ``name: value`` lines."""
    return "\n".join(f"{name}: {value}" for name, value in headers)


def found(needle: bytes, place: str, target: str, headers: str, body: bytes) -> bool:
    """Tell whether a request contains ``needle`` at ``place``."""
    if place in ("any", "query") and needle in target_text(target):
        return True
    if place in ("any", "headers") and needle in header_text(headers):
        return True
    return place in ("any", "body") and needle in body.lower()
