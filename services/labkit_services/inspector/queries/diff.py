"""What differs between two exchanges: the requests, and the responses."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import Pair
from labkit_services.inspector.formats.decoding import decode_body
from labkit_services.inspector.records.request_record import RequestRecord

_MAX_LINES = 500
"""Lines of a body that are compared; comparing takes their square."""
_ALWAYS_DIFFER = {"date", "x-request-id"}
"""Headers of responses that say nothing about a difference."""


def diff(one: RequestRecord, other: RequestRecord) -> dict[str, list[dict[str, Any]]]:
    """Return ``{"request": [...], "response": [...]}``.

    Each difference is ``{"field", "from", "to"}``: ``method``, ``path``,
    ``query``, ``headers.Name``, ``status``. That of a body has ``lines``
    instead, a unified diff, when both are text; a missing value is null.
    """
    return {"request": list(_requests(one, other)), "response": list(_responses(one, other))}


def _requests(one: RequestRecord, other: RequestRecord) -> Iterator[dict[str, Any]]:
    a, b = one.request, other.request
    yield from _field("method", a.method, b.method)
    yield from _field("path", readable(a.path), readable(b.path))
    yield from _field("query", readable(a.query), readable(b.query))
    yield from _headers(a.headers, b.headers)
    if a.sha256 != b.sha256:
        texts = [decode_body(each.body, each.headers, truncated=each.truncated).text for each in (a, b)]
        yield _body(texts[0], texts[1], a.size, b.size)


def _responses(one: RequestRecord, other: RequestRecord) -> Iterator[dict[str, Any]]:
    a, b = one.response, other.response
    if a is None or b is None:
        yield from _field("status", a.status if a else None, b.status if b else None)
        return
    yield from _field("status", a.status, b.status)
    yield from _headers(
        tuple(pair for pair in a.headers if pair[0].lower() not in _ALWAYS_DIFFER),
        tuple(pair for pair in b.headers if pair[0].lower() not in _ALWAYS_DIFFER),
    )
    if a.body != b.body:
        yield _body(
            decode_body(a.body, a.headers).text, decode_body(b.body, b.headers).text, len(a.body), len(b.body)
        )


def _field(name: str, a: Any, b: Any) -> Iterator[dict[str, Any]]:
    if a != b:
        yield {"field": name, "from": a, "to": b}


def _headers(a: tuple[Pair, ...], b: tuple[Pair, ...]) -> Iterator[dict[str, Any]]:
    """Compare values by name, in any order of the names."""
    names = {name.lower(): name for name, _ in (*b, *a)}
    for lower, name in names.items():
        values = [[readable(value) for key, value in pairs if key.lower() == lower] for pairs in (a, b)]
        if values[0] != values[1]:
            yield {"field": f"headers.{name}", "from": _joined(values[0]), "to": _joined(values[1])}


def _joined(values: list[str]) -> str | None:
    return ", ".join(values) if values else None


def _body(a: str | None, b: str | None, a_size: int, b_size: int) -> dict[str, Any]:
    if a is None or b is None:
        return {"field": "body", "from": f"{a_size} bytes", "to": f"{b_size} bytes"}
    before, after = (text.splitlines()[:_MAX_LINES] for text in (a, b))
    return {"field": "body", "lines": list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]}
