"""Request targets as OpenFaaS's gateway and provider read them.

Both are Go servers with gorilla/mux, which matches the decoded path and
redirects to a clean one (gateway/main.go; faas-provider serve.go). The gateway
makes its request to the provider from the decoded path, so that a path behind
a function's name is decoded twice (gateway/handlers/forwarding_proxy.go).
"""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache

from labkit_services.http import Request, Response
from labkit_services.http.go_server import bad_request
from labkit_services.http.paths import clean, escape, unescape

_PLAIN = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9$&+,:;=@_.~-]+)*/?")
"""Paths that decoding, cleaning and encoding do not change."""


@lru_cache(maxsize=256)
def is_plain(path: str) -> bool:
    """Return whether a path is its own decoded and its own clean form."""
    return _PLAIN.fullmatch(path) is not None


def decoded_path(request: Request) -> str | Response:
    """Return the path to route by, or the response instead of a route.

    That is a redirect to the clean path, or the rejection of a bad escape.
    """
    try:
        path = unescape(request.path)
    except ValueError:
        return bad_request()
    if (cleaned := clean(path)) == path:
        return path
    location = escape(cleaned)
    return Response(301, [("Location", f"{location}?{request.query}" if request.query else location)])


def function_target(path: str, query: str) -> tuple[str, str]:
    """Return path and query of the request to a function.

    ``path`` is decoded once and is decoded a second time here. What can't be
    decoded again, for which OpenFaaS's gateway breaks the connection, stays.
    """
    if is_plain(path) and "#" not in query:
        return path, query
    url = f"{path}?{query}" if query else path
    path, _, query = url.partition("#")[0].partition("?")
    with contextlib.suppress(ValueError):
        path = unescape(path)
    return escape(path), query
