"""How two exchanges differ: request against request, reply against reply."""

from __future__ import annotations

import difflib
from typing import Any
from urllib.parse import parse_qs

from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.contract.wire_text import readable
from labkit_services.http.headers import HOP_BY_HOP, Pair
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.switch_names import without_switches

_IGNORED = HOP_BY_HOP | {"content-length", "date", "x-request-id", "x-bin-created"}
"""They belong to one message, or follow from its body."""
_MAX_LINES, _MAX_SHOWN, _MAX_ENTRIES = 2000, 4000, 200
_MISSING = object()

Entries = list[dict[str, Any]]


def diff(a: RequestRecord, b: RequestRecord) -> dict[str, Entries]:
    """Return ``{"request": […], "response": […]}``.

    An entry has ``field``, ``kind`` (``added``, ``removed``, ``changed``), and
    the values ``a`` and ``b``, None where there is none. Two bodies of JSON
    are compared field by field; other texts also have the ``lines`` of a
    unified diff.
    That a reply names its own request's id is no difference.
    """
    return {"request": _requests(a, b), "response": _responses(a, b)}


def _requests(a: RequestRecord, b: RequestRecord) -> Entries:
    one, two = a.request, b.request
    entries = _value("method", one.method, two.method)
    entries += _value("path", readable(one.path), readable(two.path))
    entries += _mapping("query", _query(a), _query(b))
    entries += _mapping("headers", _header_values(one.headers), _header_values(two.headers))
    if one.sha256 != two.sha256:
        entries += _bodies(one.body, two.body)
    return entries[:_MAX_ENTRIES]


def _responses(a: RequestRecord, b: RequestRecord) -> Entries:
    one, two = a.response, b.response
    if one is None or two is None:
        statuses = [response.status if response else None for response in (one, two)]
        return _value("status", *statuses)
    entries = _value("status", one.status, two.status)
    entries += _mapping("headers", _header_values(one.headers), _header_values(two.headers))
    # The usual reply contains the id of its request.
    return (entries + _bodies(one.body, two.body.replace(b.id.encode(), a.id.encode())))[:_MAX_ENTRIES]


def _query(record: RequestRecord) -> dict[str, str]:
    parameters = parse_qs(readable(without_switches(record.request.query)), keep_blank_values=True)
    return {name: ", ".join(values) for name, values in parameters.items()}


def _header_values(pairs: tuple[Pair, ...]) -> dict[str, str]:
    """Return values by name in lower case; repeated ones are joined."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.lower() not in _IGNORED:
            values.setdefault(name.lower(), []).append(readable(value))
    return {name: ", ".join(found) for name, found in values.items()}


def _value(field: str, one: Any, two: Any) -> Entries:
    if one == two and isinstance(one, bool) == isinstance(two, bool):
        return []
    kind = "added" if one is None else "removed" if two is None else "changed"
    return [{"field": field, "kind": kind, "a": _shown(one), "b": _shown(two)}]


def _mapping(field: str, one: dict[str, str], two: dict[str, str]) -> Entries:
    entries: Entries = []
    for name in dict.fromkeys([*one, *two]):
        entries += _value(f"{field}.{name}", one.get(name), two.get(name))
    return entries


def _bodies(one: bytes, two: bytes) -> Entries:
    if one == two:
        return []
    documents = [_json(body) for body in (one, two)]
    if all(isinstance(document, dict | list) for document in documents):
        return _json_entries("body", *documents)
    try:
        texts = [body.decode() for body in (one, two)]
    except UnicodeDecodeError:
        offset = next(
            (i for i, (x, y) in enumerate(zip(one, two, strict=False)) if x != y), min(len(one), len(two))
        )
        sizes = [f"{len(body)} bytes" for body in (one, two)]
        return [
            {"field": "body", "kind": "changed", "a": sizes[0], "b": sizes[1], "first_difference": offset}
        ]
    entry = _value("body", *texts)[0]
    lines = [text.splitlines()[:_MAX_LINES] for text in texts]
    if len(lines[0]) + len(lines[1]) <= _MAX_LINES:
        # Its time grows with the product of the lengths.
        entry["lines"] = list(difflib.unified_diff(lines[0], lines[1], lineterm="", n=2))[2:]
    return [entry]


def _json(body: bytes) -> Any:
    try:
        return read_json(body)
    except InvalidJsonError:
        return None


def _json_entries(field: str, one: Any, two: Any) -> Entries:
    if isinstance(one, dict) and isinstance(two, dict):
        entries: Entries = []
        for name in dict.fromkeys([*one, *two]):
            entries += _json_entries(f"{field}.{name}", one.get(name, _MISSING), two.get(name, _MISSING))
        return entries
    if isinstance(one, list) and isinstance(two, list):
        entries = []
        for index in range(max(len(one), len(two))):
            pair = (each[index] if index < len(each) else _MISSING for each in (one, two))
            entries += _json_entries(f"{field}[{index}]", *pair)
        return entries
    if one == two and isinstance(one, bool) == isinstance(two, bool):
        return []
    kind = "added" if one is _MISSING else "removed" if two is _MISSING else "changed"
    shown = (None if value is _MISSING else _shown(value) for value in (one, two))
    return [{"field": field, "kind": kind, **dict(zip("ab", shown, strict=True))}]


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        return f"{value[:_MAX_SHOWN]}… ({len(value)} characters)"
    return value
