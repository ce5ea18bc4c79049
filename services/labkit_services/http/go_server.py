"""What Go's HTTP server answers before any handler: net/http/server.go."""

from __future__ import annotations

import re

from labkit_services.http.request import Request
from labkit_services.http.response import Response

_HOST = re.compile(r"[A-Za-z0-9!$%&()*+,\-.:;=\['\]_~]*")
"""What Go's ``httpguts.ValidHostHeader`` accepts."""


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
    if request.headers.get("Expect", "100-continue").lower() != "100-continue":
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
