"""A request as ``Http_*`` variables, or as marshalled input."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from labkit_services.http import Headers, Request
from labkit_services.http.headers import canonical
from labkit_services.runtime.spool import Spool

_NOT_HEADERS = frozenset({"Host", "Transfer-Encoding", "Trailer"})
"""Go's HTTP server removes these from the headers and keeps them as fields."""
_NOT_SET = frozenset(
    {
        *(b"http_method", b"http_path", b"http_query", b"http_host", b"http_contentlength"),
        *(b"http_content_length", b"http_transfer_encoding", b"http_proxy"),
    }
)
"""Variables that no header sets, in any case. Most are the request's own: with
a header ``Query`` a client could name a query that the URL does not have. And
many HTTP clients take ``Http_Proxy``, in any case, for the proxy that they
must use (httpoxy.org, CVE-2016-5385)."""

_MARSHALLED_BYTES = 3 * 64 * 1024
"""Of the body at once; base64 of a part has no padding if 3 divides it."""


@lru_cache(maxsize=256)
def _variable(header: str) -> tuple[str, bytes]:
    """Return the name as Go spells it, and the variable, b"" if it is none."""
    # Cached, because a function receives the same few headers with every
    # request.
    name = canonical(header)
    variable = b"Http_" + name.replace("-", "_").encode("latin-1")
    return name, b"" if variable.lower() in _NOT_SET or name in _NOT_HEADERS else variable


def http_variables(request: Request) -> dict[bytes, bytes]:
    """Return the ``Http_*`` variables of one request.

    As classic-watchdog's ``getAdditionalEnvs``: one for each header (first
    value), and those of the request itself. Of two headers whose names differ
    only in ``-`` and ``_`` the one with ``-`` counts: proxies remove the
    other. Values are the bytes of the wire, but ``Http_Path`` is decoded.
    """
    variables: dict[bytes, bytes] = {}
    with_underscore = []
    for header, value in request.headers:
        name, variable = _variable(header)
        if not variable:
            continue
        if "_" in name:
            with_underscore.append((variable, value))
        else:
            variables.setdefault(variable, value.encode("latin-1"))
    for variable, value in with_underscore:
        variables.setdefault(variable, value.encode("latin-1"))
    headers = request.headers
    chunked = "Transfer-Encoding" in headers
    length = b"-1" if chunked else headers.get("Content-Length", "0").encode("latin-1")
    variables[b"Http_Method"] = request.method.encode("latin-1")
    variables[b"Http_ContentLength"] = length
    variables[b"Http_Content_Length"] = length
    if chunked:
        variables[b"Http_Transfer_Encoding"] = b"chunked"
    if request.query:
        variables[b"Http_Query"] = request.query.encode("latin-1")
    variables[b"Http_Path"] = _path(request.path)
    if host := request.host:
        variables[b"Http_Host"] = host.encode("latin-1")
    return variables


def of_watchdog_variables(request: Request) -> dict[bytes, bytes]:
    """Return the ``Http_*`` variables of of-watchdog, which are fewer."""
    variables = http_variables(request)
    for name in (b"Http_Host", b"Http_ContentLength"):
        variables.pop(name, None)
    if "Content-Length" not in request.headers:
        variables.pop(b"Http_Content_Length", None)
    return variables


def _path(raw: str) -> bytes:
    if "%" in raw:
        return unquote_to_bytes(raw.encode("latin-1"))
    return raw.encode("latin-1") or b"/"


def marshalled(headers: Headers, body: Spool) -> Iterator[bytes]:
    """Yield headers and body as the JSON document of ``marshal_request``.

    ``{"header": {name: [values]}, "body": {"raw": base64}}``, names sorted, as
    Go's ``encoding/json`` writes a ``types.MarshalReq``.
    """
    values: dict[str, list[str]] = {}
    for header, value in headers:
        name, _ = _variable(header)
        if name not in _NOT_HEADERS:
            # Headers are decoded as latin-1, one character a byte; JSON is
            # UTF-8.
            values.setdefault(name, []).append(value.encode("latin-1").decode("utf-8", "replace"))
    header = json.dumps(dict(sorted(values.items())), separators=(",", ":"), ensure_ascii=False)
    yield f'{{"header":{header},"body":{{"raw":"'.encode()
    for part in body.parts(_MARSHALLED_BYTES):
        yield base64.b64encode(part)
    yield b'"}}'
