"""What the function's process is told of the request: its environment and its input."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from labkit_services.http.headers import Headers, canonical
from labkit_services.http.request import Request

_NOT_HEADERS = frozenset({"Host", "Transfer-Encoding", "Trailer"})
"""Go's HTTP server takes these out of the headers and keeps them as fields of their own."""

_OURS = frozenset(
    {b"lifeline", b"limits_memory", b"limits_cpu", b"metrics_port", b"secrets_by", b"PYTHONCOERCECLOCALE"}
)
"""Settings between the gateway and this process that mean nothing to a function."""


def inherited(environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the part of the process's environment that is the same for every request."""
    return {name: value for name, value in environ.items() if name not in _OURS}


@lru_cache(maxsize=256)
def _variable(header: str) -> tuple[str, bytes]:
    # Cached, because a function sees the same few headers on every request.
    name = canonical(header)
    return name, b"Http_" + name.replace("-", "_").encode("latin-1")


def http_variables(request: Request) -> dict[bytes, bytes]:
    """Return the ``Http_*`` variables of one request.

    As classic-watchdog's ``getAdditionalEnvs``: one for each header (first
    value), then the request's own facts, which win over a header of the same
    name. Values are the bytes that were on the wire, but ``Http_Path`` is decoded.
    """
    variables: dict[bytes, bytes] = {}
    for header, value in request.headers:
        name, variable = _variable(header)
        if name not in _NOT_HEADERS:
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
    if host := headers.get("Host"):
        variables[b"Http_Host"] = host.encode("latin-1")
    return variables


def of_watchdog_variables(request: Request) -> dict[bytes, bytes]:
    """Return the ``Http_*`` variables as of-watchdog sets them: a few facts fewer."""
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


def marshalled(headers: Headers, body: bytes) -> bytes:
    """Return headers and body as the JSON document of ``marshal_request``.

    ``{"header": {name: [values]}, "body": {"raw": base64}}``, names sorted, as
    Go's ``encoding/json`` writes a ``types.MarshalReq``.
    """
    values: dict[str, list[str]] = {}
    for header, value in headers:
        name, _ = _variable(header)
        if name not in _NOT_HEADERS:
            values.setdefault(name, []).append(_text(value))
    document = {
        "header": dict(sorted(values.items())),
        "body": {"raw": base64.b64encode(body).decode("ascii")},
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _text(value: str) -> str:
    # Headers are held as latin-1, one character a byte; JSON is UTF-8.
    return value.encode("latin-1").decode("utf-8", "replace")
