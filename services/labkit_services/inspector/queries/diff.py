"""What differs between two exchanges: the requests, and the responses."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any

from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import HOP_BY_HOP, Pair
from labkit_services.inspector.formats.decoding import decode_body
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.switch_names import without_switches

_IGNORED = HOP_BY_HOP | {"content-length", "date", "x-request-id", "x-bin-created"}
"""They belong to one message only, or follow from its body."""
_MAX_LINES = 500
"""Lines of a body that are compared; comparing takes their square."""
_MAX_DIFFERENCES, _MAX_SHOWN = 200, 4000
_MISSING = object()

_Differences = Iterator[dict[str, Any]]


def diff(one: RequestRecord, other: RequestRecord) -> dict[str, list[dict[str, Any]]]:
    """Return ``{"request": [...], "response": [...]}``.

    Each difference is ``{"field", "from", "to"}``: ``method``, ``path``,
    ``query``, ``headers.Name``, ``status``; a missing value is null. Bodies of
    JSON differ by fields, such as ``body.items[0].name``. Other texts have
    ``lines`` instead, a unified diff. That each response names its own
    request's id is no difference.
    """
    return {
        "request": list(islice(_requests(one, other), _MAX_DIFFERENCES)),
        "response": list(islice(_responses(one, other), _MAX_DIFFERENCES)),
    }


def _requests(one: RequestRecord, other: RequestRecord) -> _Differences:
    a, b = one.request, other.request
    yield from _field("method", a.method, b.method)
    yield from _field("path", readable(a.path), readable(b.path))
    yield from _field("query", *(readable(without_switches(each.query)) for each in (a, b)))
    yield from _headers(a.headers, b.headers)
    if a.sha256 != b.sha256:
        texts = [decode_body(each.body, each.headers, truncated=each.truncated).text for each in (a, b)]
        yield from _bodies(texts[0], texts[1], a.size, b.size)


def _responses(one: RequestRecord, other: RequestRecord) -> _Differences:
    a, b = one.response, other.response
    if a is None or b is None:
        yield from _field("status", a.status if a else None, b.status if b else None)
        return
    yield from _field("status", a.status, b.status)
    yield from _headers(a.headers, b.headers)
    same_id = b.body.replace(other.id.encode(), one.id.encode())
    if a.body != same_id:
        texts = [decode_body(body, each.headers).text for body, each in ((a.body, a), (same_id, b))]
        yield from _bodies(texts[0], texts[1], len(a.body), len(b.body))


def _field(name: str, a: Any, b: Any) -> _Differences:
    # In Python True equals 1, in JSON it does not.
    if a != b or isinstance(a, bool) != isinstance(b, bool):
        yield {"field": name, "from": _shown(a), "to": _shown(b)}


def _headers(a: tuple[Pair, ...], b: tuple[Pair, ...]) -> _Differences:
    """Compare values by name, in any order of the names."""
    names = {name.lower(): name for name, _ in (*b, *a) if name.lower() not in _IGNORED}
    for lower, name in names.items():
        values = [[readable(value) for key, value in pairs if key.lower() == lower] for pairs in (a, b)]
        if values[0] != values[1]:
            yield {"field": f"headers.{name}", "from": _joined(values[0]), "to": _joined(values[1])}


def _joined(values: list[str]) -> str | None:
    return ", ".join(values) if values else None


def _bodies(a: str | None, b: str | None, a_size: int, b_size: int) -> _Differences:
    if a is None or b is None:
        yield {"field": "body", "from": f"{a_size} bytes", "to": f"{b_size} bytes"}
        return
    documents = [_document(text) for text in (a, b)]
    are_json = all(isinstance(document, dict | list) for document in documents)
    if are_json and (differences := list(islice(_values("body", *documents), _MAX_DIFFERENCES))):
        yield from differences
        return  # else the same values are written in another way
    before, after = (text.splitlines()[:_MAX_LINES] for text in (a, b))
    yield {"field": "body", "lines": list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]}


def _document(text: str) -> Any:
    try:
        return read_json(text.encode())
    except InvalidJsonError:
        return None


def _values(path: str, a: Any, b: Any) -> _Differences:
    """Compare two values of JSON documents."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys([*a, *b]):
            yield from _values(f"{path}.{name}", a.get(name, _MISSING), b.get(name, _MISSING))
    elif isinstance(a, list) and isinstance(b, list):
        for index, pair in enumerate(zip_longest(a, b, fillvalue=_MISSING)):
            yield from _values(f"{path}[{index}]", *pair)
    else:
        yield from _field(path, *(None if value is _MISSING else value for value in (a, b)))


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        return f"{value[:_MAX_SHOWN]}… ({len(value)} characters)"
    return value
