"""Headers on every response: a browser treats captured data as text only."""

from __future__ import annotations

from labkit_services.http import Response
from labkit_services.http.headers import Pair

NO_MARKUP: Pair = ("Content-Security-Policy", "default-src 'none'; sandbox")
"""No script runs in a captured page, and it has no origin."""

_ALWAYS: tuple[Pair, ...] = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))

SECURITY_LINES = "".join(f"{name}: {value}\r\n" for name, value in (NO_MARKUP, *_ALWAYS))
"""All of them, for a response whose headers are encoded already."""


def secure(response: Response) -> Response:
    """Add the headers; a page's own policy stays as it is."""
    headers = response.headers
    given = {name.lower() for name, _ in headers.pairs}
    for name, value in _ALWAYS:
        if name.lower() in given:
            headers.remove(name)
        headers.add(name, value)
    if NO_MARKUP[0].lower() not in given:
        headers.add(*NO_MARKUP)
    return response
