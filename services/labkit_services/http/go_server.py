"""What Go's HTTP server answers before any handler: net/http/server.go."""

from __future__ import annotations

import re

from labkit_services.http.request import Request
from labkit_services.http.response import Response

_AUTHORITY = re.compile(r"([^@\[\]]*@)?(\[[0-9A-Fa-f:.%\w~-]+\]|[^\[\]:%@\\]*)(:[0-9]*)?")
"""User, host and port of a target in absolute form, as Go's ``url.Parse``
takes them; but no host with ``%``, which no browser sends."""
_HOST = re.compile(r"[A-Za-z0-9!$%&()*+,\-.:;=\['\]_~]*")
"""What Go's ``httpguts.ValidHostHeader`` accepts."""
_CONTINUE = re.compile(r"(?:^|[ ,\t])100-continue(?:$|[ ,\t])", re.IGNORECASE)
"""A token among others, as in Go's ``hasToken``."""


def response_of_server(request: Request) -> Response | None:
    """Return the response that Go's server itself gives, if it does.

    It refuses invalid requests, and answers ``OPTIONS *``.
    """
    hosts = request.headers.get_all("Host")
    if request.http_version == "1.1" and not hosts and request.method != "CONNECT":
        return bad_request(": missing required Host header")
    if len(hosts) > 1:
        return bad_request()
    if hosts and not _HOST.fullmatch(hosts[0]):
        return bad_request(": malformed Host header")
    if request.authority and not _AUTHORITY.fullmatch(request.authority):
        return bad_request()
    if (expect := request.headers.get("Expect")) and not _CONTINUE.search(expect):
        return Response(417)
    if not request.path.startswith("/") and request.method != "CONNECT" and request.target != "*":
        return bad_request()
    if request.method == "OPTIONS" and request.target == "*":
        return Response(200)
    return None


def bad_request(reason: str = "") -> Response:
    """Return a 400 as the server itself writes it."""
    # Without http.Error's headers.
    return Response.text(400, f"400 Bad Request{reason}")
