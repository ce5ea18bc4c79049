"""The part of a URL that names a server: scheme, host and port."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.wire_text import readable
from labkit_services.http.go_url import GoUrl

KEPT = "".join(chr(code) for code in range(0x21, 0x7F))
"""Printable ASCII is sent unchanged, ``%`` included: what is already quoted
stays quoted."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Origin:
    """The server of a connection; the key of the connection pool.

    Attributes:
        address: IP address to connect to, if the host was resolved before;
            "" resolves it when the connection is opened.
    """

    host: str
    port: int
    tls: bool = False
    address: str = ""

    @property
    def authority(self) -> str:
        """The ``Host`` header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine's own, as far as known."""
        address = ipaddress.ip_address(self.address) if self.address else None
        return address is not None and (getattr(address, "ipv4_mapped", None) or address).is_loopback

    @classmethod
    @lru_cache(maxsize=64)  # a worker calls the same few functions
    def parse(cls, url: str) -> tuple[Origin, str]:
        """Split an absolute http or https URL into origin and target.

        Blanks and letters beyond ASCII in the target are percent-encoded, as
        browsers do. A URL from a header is latin-1, and read as the UTF-8
        that it is. Anything but such a URL raises InvalidValueError.
        """
        try:
            parts = GoUrl.parse(readable(url))
        except ValueError as error:
            raise InvalidValueError(str(error), expected="an http or https URL") from error
        if parts.scheme not in DEFAULT_PORTS:
            problem = f'unsupported protocol scheme "{parts.scheme}"'
            raise InvalidValueError(problem, expected="an http or https URL")
        if not parts.hostname:
            raise InvalidValueError("http: no Host in request URL", expected="an http or https URL")
        port = int(parts.port or DEFAULT_PORTS[parts.scheme])
        if port > _MAX_PORT:
            raise InvalidValueError(f"dial tcp: address {parts.port}: invalid port", expected="a port")
        host = _ascii_host(parts.hostname.lower())
        return cls(host, port, parts.scheme == "https"), quote(parts.request_target, safe=KEPT)


def _ascii_host(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise InvalidValueError(f"{host!r} is not a host: {error}") from error


def redacted(url: str) -> str:
    """Return a URL without its password, as Go shows URLs in errors.

    It is for people, so a URL from a header is decoded as UTF-8.
    """
    url = readable(url)
    start, slashes, rest = url.partition("//")
    authority = rest[: min((rest.find(end) for end in "/?#" if end in rest), default=len(rest))]
    user, at, _ = authority.rpartition("@")
    if not at or ":" not in user:
        return url
    return f"{start}{slashes}{user.partition(':')[0]}:***{rest[len(user) :]}"
