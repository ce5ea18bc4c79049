"""The requests of one callback, as Go's ``http.Client`` makes them. Pure.

Redirects and credentials follow net/http/client.go, as measured with Go 1.19;
OpenFaaS's queue-worker posts results with that client.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace

from labkit_services.contract.ports import is_gateway_alias
from labkit_services.contract.wire_text import readable
from labkit_services.http.go_url import GoUrl
from labkit_services.http.headers import Pair
from labkit_services.http.origin import DEFAULT_PORTS, redacted

MAX_REQUESTS = 10
"""Go gives up at the tenth redirect."""
_WITH_BODY = (307, 308)
_WITHOUT_BODY = (301, 302, 303)
_SENSITIVE = frozenset({"authorization", "www-authenticate", "cookie", "cookie2"})


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One request; ``url`` may have a user and a password."""

    method: str
    url: str
    headers: tuple[Pair, ...]
    body: bytes

    def error(self, text: object) -> str:
        """Return Go's text for an error of this request."""
        return f'{self.method.capitalize()} "{redacted(self.url)}": {text}'

    def sent_headers(self) -> list[Pair]:
        """Return the headers, with the URL's user as Basic authorization.

        An ``Authorization`` that is there already wins.
        """
        credentials = _parsed(self.url).credentials
        if credentials is None or "authorization" in {name.lower() for name, _ in self.headers}:
            return list(self.headers)
        return [*self.headers, ("Authorization", f"Basic {b64encode(credentials).decode()}")]

    def redirected(self, status: int, location: str, body: bytes) -> CallbackRequest | None:
        """Return the request that follows a response, None if none does.

        After 307 and 308 it is the same with ``body``, after 301, 302 and 303
        a GET without one. A response without ``location`` is final. Raises
        ValueError for a location that is no URL.
        """
        if status not in _WITH_BODY + _WITHOUT_BODY or not location:
            return None
        here = _parsed(self.url)
        there = here.resolved(_parsed(location))
        dropped = frozenset({"referer"}) if _is_within(there, here) else _SENSITIVE | {"referer"}
        headers = [pair for pair in self.headers if pair[0].lower() not in dropped]
        if (here.scheme, there.scheme) != ("https", "http"):
            headers.append(("Referer", str(replace(here, user=None, fragment=""))))
        if status in _WITH_BODY:
            return CallbackRequest(self.method, str(there), tuple(headers), body)
        return CallbackRequest("GET", str(there), tuple(headers), b"")


def resolve_alias(url: str, gateway_url: str) -> str:
    """Replace ``//gateway:8080`` in ``url`` by the address of the gateway.

    In a cluster the name server resolves that name; a lab has none. The scheme
    stays: the gateway speaks no TLS. A ``url`` with an invalid port or host
    raises ValueError.
    """
    parsed = _parsed(url)
    if is_gateway_alias(parsed.hostname, _port(parsed)):
        return str(replace(parsed, user=None, host=GoUrl.parse(gateway_url).host))
    return url


def _is_within(url: GoUrl, earlier: GoUrl) -> bool:
    """Return whether a host and port get what is secret to an earlier one.

    They do if they are the same or a subdomain. Another port does not: on one
    machine it is another program.
    """
    host, trusted = url.hostname.lower(), earlier.hostname.lower()
    is_subdomain = host.endswith("." + trusted) and ":" not in host and not host[-1:].isdigit()
    return _port(url) == _port(earlier) and (host == trusted or is_subdomain)


def _port(url: GoUrl) -> int | None:
    return int(url.port) if url.port else DEFAULT_PORTS.get(url.scheme)


def _parsed(url: str) -> GoUrl:
    """Parse a URL from a header, which is latin-1, as the UTF-8 it is."""
    return GoUrl.parse(readable(url))
