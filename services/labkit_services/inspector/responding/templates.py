"""Templates in responses: they echo parts of the request, and do no more.

``{{request.method}}``, ``{{request.headers.X-Call-Id}}``,
``{{request.query.n}}`` and the other names of ``_VALUES``. What is unknown
stays as it was typed. Inserted text is never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs

from labkit_services.contract.times import rfc3339
from labkit_services.contract.wire_text import readable
from labkit_services.http import Headers
from labkit_services.inspector.records.request_record import RequestRecord

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]{1,200})\s*\}\}")
_VALUES: dict[str, Callable[[RequestRecord], str]] = {
    "request.method": lambda record: record.request.method,
    "request.id": lambda record: record.id,
    "request.bin": lambda record: record.bin,
    "request.seq": lambda record: str(record.seq),
    "request.path": lambda record: readable(record.request.path),
    "request.subpath": lambda record: readable(record.request.subpath),
    "request.query": lambda record: readable(record.request.query),
    "request.body": lambda record: record.request.body.decode("utf-8", "replace"),
    "request.received_at": lambda record: rfc3339(record.request.received_ns),
}
_HEADER, _QUERY = "request.headers.", "request.query."


def placeholders(text: str) -> list[str]:
    """Return the names that ``text`` has in double braces, known or not."""
    return [match[1] for match in _PLACEHOLDER.finditer(text)]


def unknown_placeholders(text: str) -> list[str]:
    """Return the names that no request has a value for, once each."""
    return [name for name in dict.fromkeys(placeholders(text)) if not _is_known(name)]


def render(text: str, record: RequestRecord, limit: int) -> str:
    """Insert the request's values; cut the result at ``limit`` characters.

    A header or parameter that the request lacks is an empty text.
    """
    parts: list[str] = []
    size = end = 0
    for match in _PLACEHOLDER.finditer(text):
        value = _value(match[1], record) if _is_known(match[1]) else match[0]
        parts += (text[end : match.start()], value)
        size += match.start() - end + len(value)
        end = match.end()
        if size >= limit:
            break
    else:
        parts.append(text[end:])
    return "".join(parts)[:limit]


def _is_known(name: str) -> bool:
    return name in _VALUES or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in (_HEADER, _QUERY)
    )


def _value(name: str, record: RequestRecord) -> str:
    if name in _VALUES:
        return _VALUES[name](record)
    if name.startswith(_HEADER):
        return readable(Headers(record.request.headers).get(name.removeprefix(_HEADER)))
    parameters = parse_qs(readable(record.request.query), keep_blank_values=True)
    return parameters.get(name.removeprefix(_QUERY), [""])[0]
