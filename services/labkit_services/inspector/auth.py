"""Who may see the page and use the API: whoever has the inspector's token."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, urlencode

from labkit_services.http import Request
from labkit_services.inspector.errors import CrossSiteError, UnauthorizedError

_READING = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Lets requests to page and API pass, or not.

    The token comes as ``Authorization: Bearer``, as ``?token=``, or as the
    cookie that the page sets. An empty token leaves the gate open.

    A browser sends the cookie with requests from any page of this host, so
    another site is told by ``Sec-Fetch-Site``, which no page can forge, and may
    change nothing. What this leaves out is a browser that sends no such
    header; the cookie's SameSite=Strict covers that one.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._cookie = ""

    @property
    def locked(self) -> bool:
        """Tell whether there is a token at all."""
        return bool(self._token)

    def at_port(self, port: int) -> None:
        """Name the cookie after the port: browsers keep one set of cookies for all ports of a host."""
        self._cookie = f"labkit_inspector_{port}"

    def check(self, request: Request) -> None:
        """Let a request pass.

        Raises:
            CrossSiteError: It changes something and comes from another site.
            UnauthorizedError: It lacks the token.
        """
        site = request.headers.get("Sec-Fetch-Site")
        if request.method not in _READING and site == "cross-site":
            raise CrossSiteError(
                expected="a request from this page or a program", seen=f"Sec-Fetch-Site: {site}"
            )
        if self._token and not any(map(self._fits, self._tokens_of(request))):
            raise UnauthorizedError(
                expected="the token as Authorization: Bearer, as ?token=, or as this page's cookie",
                next_step="open the inspector's link as `labkit status` or the notebook shows it",
            )

    def _tokens_of(self, request: Request) -> list[str]:
        scheme, _, bearer = request.headers.get("Authorization").partition(" ")
        tokens = [bearer.strip()] if scheme.lower() == "bearer" else []
        tokens += parse_qs(request.query).get("token", [])
        for cookies in request.headers.get_all("Cookie"):
            for cookie in cookies.split(";"):
                name, _, value = cookie.strip().partition("=")
                if name == self._cookie:
                    tokens.append(value)
        return tokens

    def _fits(self, token: str) -> bool:
        # Constant time, so that a wrong token tells nothing about the right one.
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)

    def cookie(self) -> str:
        """Return the ``Set-Cookie`` value that stands for the token.

        Without a Path it holds for the page's own folder, whatever the prefix
        under which a proxy shows it.
        """
        return f"{self._cookie}={self._token.decode()}; HttpOnly; SameSite=Strict"


def clean_location(request: Request) -> str | None:
    """Return where a page opened with ``?token=`` is to go on, or None if it may stay.

    The token should not stay in the address bar. But a browser that came from
    another site, and a frame in one, would not send the strict cookie to where it is
    sent on: there the page stays, and takes the token out of its address itself.
    """
    if "token" not in parse_qs(request.query) or request.headers.get("Sec-Fetch-Site") == "cross-site":
        return None
    rest = {name: values for name, values in parse_qs(request.query).items() if name != "token"}
    return "./" + (f"?{urlencode(rest, doseq=True)}" if rest else "")
