"""Basic auth of the ``/system`` routes (faas-provider auth/basic_auth.go)."""

from __future__ import annotations

import base64
import binascii
import hmac

from labkit_services.http import HttpError, Request


class BasicAuth:
    """Checks credentials; with no user every request passes.

    Requests by the socket of the lab's owner (web/owner_socket.py) always do.
    """

    def __init__(self, user: str, password: str) -> None:
        self._expected = f"{user}:{password}".encode() if user else b""

    def is_attempted(self, request: Request) -> bool:
        """Return whether there are credentials, right or wrong, or no need."""
        return not self._expected or request.by_owner or "Authorization" in request.headers

    def check(self, request: Request) -> None:
        """Raise HttpError 401 unless the credentials are valid."""
        if not self._expected or request.by_owner:
            return
        scheme, _, token = request.headers.get("Authorization").partition(" ")
        try:
            given = base64.b64decode(token.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        # In constant time, so that the response time reveals nothing about the
        # password.
        if scheme.lower() != "basic" or not hmac.compare_digest(given, self._expected):
            raise HttpError(401, "invalid credentials\n", [("WWW-Authenticate", 'Basic realm="Restricted"')])
