"""Masks what must not leave the lab with an exported request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from labkit_services.http.headers import Pair
from labkit_services.inspector.records.request_record import RequestRecord

MASK = "***"

_SECRET_NAME = re.compile(
    r"(^|[-_])(authorization|cookie|set-cookie|token|secret|password|passwd|pwd|api[-_]?key|access[-_]?key"
    r"|auth|signature(-256)?|sig|session(id)?|credential)s?($|[-_])",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"//[^/@?#\s]+@")
# ``authorization: Basic …``: the scheme helps a reader and is no secret.
_SCHEME = re.compile(r"(Basic|Bearer|Digest|Negotiate|token) ", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Tell whether a header or query parameter holds a secret, by its name."""
    return _SECRET_NAME.search(name) is not None


def mask_headers(headers: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return the headers without secrets in their values."""
    return tuple((name, _mask_value(name, value)) for name, value in headers)


def masked(record: RequestRecord) -> RequestRecord:
    """Return the record without secrets in headers, query and form.

    A body is masked only where it is a form: in any other text nobody can
    tell what is secret.
    """
    request = record.request
    query = _mask_pairs(request.query)
    target = _USER_INFO.sub(f"//{MASK}@", request.target)
    if request.query:
        target = target.replace(f"?{request.query}", f"?{query}", 1)
    body = request.body
    headers = mask_headers(request.headers)
    if any(name.lower() == "content-type" and "x-www-form-urlencoded" in value for name, value in headers):
        body = _mask_pairs(body.decode("latin-1")).encode("latin-1")
    response = record.response
    if response is not None:
        response = replace(response, headers=mask_headers(response.headers))
    request = replace(request, target=target, query=query, headers=headers, body=body)
    return replace(record, request=request, response=response)


def _mask_value(name: str, value: str) -> str:
    if not is_secret(name):
        return _USER_INFO.sub(f"//{MASK}@", value)
    scheme = _SCHEME.match(value)
    return f"{scheme[0]}{MASK}" if scheme else MASK


def _mask_pairs(text: str) -> str:
    pairs = []
    for pair in text.split("&"):
        name, equals, _ = pair.partition("=")
        pairs.append(f"{name}={MASK}" if equals and is_secret(name) else pair)
    return "&".join(pairs)
