"""Access to the page and the API: only with the inspector's token."""

from __future__ import annotations

import hmac
import time
from urllib.parse import parse_qs, urlencode

from labkit_services.contract.inspector_link import CODE, is_valid
from labkit_services.http import Request
from labkit_services.inspector.errors import CrossSiteError, FormTypeError, UnauthorizedError
from labkit_services.web.navigation import is_framed
from labkit_services.web.same_origin import OwnOrigin, Refusal


class TokenGate:
    """Checks the requests to page and API.

    The token comes as ``Authorization: Bearer``, as ``?token=``, or as the
    cookie that the page sets. An empty token leaves the gate open, and so does
    the socket of the lab's owner (web/owner_socket.py).

    A browser sends the cookie with requests from any page of this host. So no
    other site's page may change anything, whatever it sends (same_origin.py).
    For a browser that does not send ``Sec-Fetch-Site``, the cookie is
    SameSite=Strict.
    """

    def __init__(self, token: str, origin: OwnOrigin | None = None) -> None:
        self._token = token.encode()
        self._origin = origin or OwnOrigin()
        self._cookie = ""
        self._used_codes: set[str] = set()

    @property
    def locked(self) -> bool:
        """Tell whether a token is required."""
        return bool(self._token)

    def use_port(self, port: int) -> None:
        """Name the cookie by the port: the ports of a host share cookies."""
        self._cookie = f"labkit_inspector_{port}"

    def check(self, request: Request) -> None:
        """Raise an error if the request is cross-site or lacks the token."""
        _raise_for(self._origin.refuse_host(request) or self._origin.refuse_change(request))
        if not self._has_token(request):
            raise UnauthorizedError(
                expected="the token as Authorization: Bearer, as ?token=, or as this page's cookie",
                next_step="open the link that `labkit status` shows",
            )

    def takes_code(self, request: Request) -> bool:
        """Return whether the request is made with a link's code, unused yet.

        From now on it is used.
        """
        for code in parse_qs(request.query).get(CODE, []) if self._asks(request) else []:
            if code not in self._used_codes and is_valid(self._token.decode(), code, time.time()):
                self._used_codes.add(code)
                return True
        return False

    def check_new_bin(self, request: Request) -> None:
        """Raise CrossSiteError if another site's page would create a bin.

        What it sends to an existing bin is captured like any request. Programs
        may use any host name, such as a tunnel's; pages send an ``Origin``.
        """
        if not (self.locked and self._has_token(request)):
            _raise_for(self._origin.refuse_page(request))
            if "Origin" in request.headers:
                _raise_for(self._origin.refuse_host(request))

    def has_token_in_url(self, request: Request) -> bool:
        """Return whether ``?token=`` is right.

        Whoever wrote such a link knows the token, and may do everything.
        """
        return any(map(self._matches, parse_qs(request.query).get("token", [])))

    def _asks(self, request: Request) -> bool:
        return self.locked and not request.by_owner

    def _has_token(self, request: Request) -> bool:
        return not self._asks(request) or any(map(self._matches, self._tokens_in(request)))

    def _tokens_in(self, request: Request) -> list[str]:
        scheme, _, bearer = request.headers.get("Authorization").partition(" ")
        tokens = [bearer.strip()] if scheme.lower() == "bearer" else []
        tokens += parse_qs(request.query).get("token", [])
        for cookies in request.headers.get_all("Cookie"):
            for cookie in cookies.split(";"):
                name, _, value = cookie.strip().partition("=")
                if name == self._cookie:
                    tokens.append(value)
        return tokens

    def _matches(self, token: str) -> bool:
        # In constant time, so that the time of a wrong token reveals nothing
        # about the right one.
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def cookie(self) -> str:
        """Return the ``Set-Cookie`` value with the token.

        Without a Path it is valid for the page's own folder, whatever the
        prefix under which a proxy serves it.
        """
        return f"{self._cookie}={self._token.decode()}; HttpOnly; SameSite=Strict"


def location_without_token(request: Request) -> str | None:
    """Return where to redirect a page with ``?token=``, or None.

    The token should not stay in the address bar. But a browser that came from
    another site, and a frame in one, would not send the strict cookie after a
    redirect: there the page is not redirected, and removes the token from its
    address itself. In a frame the token also shows that the page around it may
    be there.
    """
    query = parse_qs(request.query)
    if "token" not in query or request.headers.get("Sec-Fetch-Site") == "cross-site" or is_framed(request):
        return None
    del query["token"]
    return "./" + (f"?{urlencode(query, doseq=True)}" if query else "")


def _raise_for(refusal: Refusal | None) -> None:
    if refusal is not None:
        kind = FormTypeError if refusal.status == FormTypeError.status else CrossSiteError
        raise kind(
            refusal.headline, expected=refusal.expected, seen=refusal.seen, next_step=refusal.next_step
        )
