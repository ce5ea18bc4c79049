"""The requests of one callback, as Go's ``http.Client`` makes them. Pure.

Redirects and credentials follow net/http/client.go, as measured with Go 1.19;
OpenFaaS's queue-worker posts results with that client.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urljoin, urlsplit, urlunsplit

from labkit_services.contract.ports import is_gateway_alias
from labkit_services.http.headers import Pair
from labkit_services.http.origin import redacted

MAX_REQUESTS = 10
"""Go gives up at the tenth redirect."""
_WITH_BODY = (307, 308)
_WITHOUT_BODY = (301, 302, 303)
_SENSITIVE = frozenset({"authorization", "www-authenticate", "cookie", "cookie2"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


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
        parts = urlsplit(self.url)
        names = {name.lower() for name, _ in self.headers}
        if parts.username is None or "authorization" in names:
            return list(self.headers)
        user, password = (
            unquote_to_bytes((text or "").encode("latin-1", "replace"))
            for text in (parts.username, parts.password)
        )
        return [*self.headers, ("Authorization", f"Basic {b64encode(user + b':' + password).decode()}")]

    def redirected(self, status: int, location: str, body: bytes) -> CallbackRequest | None:
        """Return the request that follows a response, None if none does.

        After 307 and 308 it is the same with ``body``, after 301, 302 and 303
        a GET without one. A response without ``location`` is final. Raises
        ValueError for a location that is no URL.
        """
        if status not in _WITH_BODY + _WITHOUT_BODY or not location:
            return None
        url = urljoin(self.url, location)
        dropped = frozenset({"referer"}) if _is_within(url, self.url) else _SENSITIVE | {"referer"}
        headers = [pair for pair in self.headers if pair[0].lower() not in dropped]
        if not (self.url.lower().startswith("https:") and urlsplit(url).scheme == "http"):
            headers.append(("Referer", _without_user(self.url)))
        if status in _WITH_BODY:
            return CallbackRequest(self.method, url, tuple(headers), body)
        return CallbackRequest("GET", url, tuple(headers), b"")


def resolve_alias(url: str, gateway_url: str) -> str:
    """Replace ``//gateway:8080`` in ``url`` by the address of the gateway.

    In a cluster the name server resolves that name; a lab has none. The scheme
    stays: the gateway speaks no TLS. A ``url`` with an invalid port or host
    raises ValueError.
    """
    parts = urlsplit(url)
    if is_gateway_alias(parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)):
        return urlunsplit(parts._replace(netloc=urlsplit(gateway_url).netloc))
    return url


def _is_within(url: str, earlier: str) -> bool:
    """Return whether a host and port get what is secret to an earlier one.

    They do if they are the same or a subdomain. Another port does not: on one
    machine it is another program.
    """
    host, port = _host_and_port(url)
    trusted, trusted_port = _host_and_port(earlier)
    is_subdomain = host.endswith("." + trusted) and ":" not in host and not host[-1:].isdigit()
    return port == trusted_port and (host == trusted or is_subdomain)


def _host_and_port(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
