"""Which requests come from another web site's page.

A browser sends cookies and saved passwords with the requests that any page
makes (cross-site request forgery), and takes this machine for another site's
server if that site's name leads here (DNS rebinding). Programs send none of
the headers below, and nothing changes for them.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit_services.contract.names import GATEWAY_ALIASES
from labkit_services.http import Request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")
"""``Sec-Fetch-Site`` of requests that no other page has made; no page can
forge it (W3C Fetch Metadata)."""
_FORM, _OTHER_FORMS = "application/x-www-form-urlencoded", ("text/plain", "multipart/form-data")
"""Types of a body that any page may send without asking (Fetch Standard,
CORS-safelisted). curl sends the first by itself; a form can't send JSON in
it."""
_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"[0-9.]+|\[.*\]")
_PORT = re.compile(r":[0-9]*$")
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s,]+)(?::([0-9]+))?")
"""How browsers write an origin (RFC 6454 §6.2), in lower case."""


def allowed_hosts(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the hosts of the setting ``allowed_hosts``, a comma between them.

    On a JupyterHub or Binder it is ``*`` by default: their proxy keeps the
    browser's ``Host`` and lets only the owner's browser through.
    """
    default = "*" if settings.get("JUPYTERHUB_SERVICE_PREFIX") else ""
    return tuple((settings.get("allowed_hosts") or default).split(","))


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused, with the HTTP status of the response."""

    status: int
    headline: str
    expected: str
    seen: str
    next_step: str = ""

    @property
    def text(self) -> str:
        """One line for a plain-text response."""
        parts = f"{self.headline}: expected {self.expected}, but got {self.seen}"
        return f"{parts}; {self.next_step}\n" if self.next_step else f"{parts}\n"


class OwnOrigin:
    """Tells requests of this server's own pages and of programs from others.

    A server's host is an IP address, ``localhost``, the machine's name, or a
    name without a dot, none of which another site can own. ``allowed`` has
    more names: ``lab.example.com``, ``.example.com`` for all names below it,
    ``*`` for any. A proxy that keeps the browser's ``Host``, as Jupyter's
    does, needs them.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        machine = socket.gethostname().lower()
        self._allowed = {_PORT.sub("", name.strip().lower()) for name in allowed} - {""}
        self._suffixes = tuple(name for name in self._allowed if name.startswith("."))
        self._own = {machine, f"{machine}.local", "host.docker.internal", *GATEWAY_ALIASES}

    def refuse_host(self, request: Request) -> Refusal | None:
        """Refuse a ``Host`` that another site may own."""
        if request.by_owner:
            return None  # no name on the network leads to that socket
        host = request.host
        name = _host_name(host)
        if not host or "." not in name or _ADDRESS.fullmatch(name) or name.endswith(".localhost"):
            return None
        if "*" in self._allowed or name in self._own or self._is_allowed(name):
            return None
        return Refusal(
            403,
            "the Host header names another site",
            "127.0.0.1, localhost, or a host of the setting allowed_hosts",
            f"Host: {host[:200]}",
            f"behind a proxy start the lab with allowed_hosts={name[:200]}",
        )

    def refuse_change(self, request: Request) -> Refusal | None:
        """Refuse a request with effects that another site's page may send."""
        if request.method in SAFE_METHODS:
            return None
        return self.refuse_page(request) or _refuse_form(request)

    def refuse_page(self, request: Request) -> Refusal | None:
        """Refuse a request of another site's page, whatever its method."""
        headers = request.headers
        expected = "a request of this server's own page, or of a program"
        if sites := [site for site in headers.get_all("Sec-Fetch-Site") if site]:
            foreign = [site for site in sites if site not in _OWN_SITES]
            seen = f"Sec-Fetch-Site: {foreign[0][:200]}" if foreign else ""
        else:
            foreign = [origin for origin in headers.get_all("Origin") if not self._is_own(origin, request)]
            seen = f"Origin: {foreign[0][:200]}" if foreign else ""
        return Refusal(403, "the request comes from another site's page", expected, seen) if seen else None

    def _is_own(self, origin: str, request: Request) -> bool:
        match = _ORIGIN.fullmatch(origin.lower())
        if match is None:
            return False  # "null", for example: a sandboxed page, or a file
        scheme, name, port = match.groups()
        own = {f"{name}:{port}"} if port else {f"{name}:{_PORTS[scheme]}", name}
        hosts = {request.host.lower(), request.outer_host.lower()}
        return not own.isdisjoint(hosts) or self._is_allowed(name)

    def _is_allowed(self, name: str) -> bool:
        return name in self._allowed or name.endswith(self._suffixes)


def _host_name(host: str) -> str:
    return _PORT.sub("", host.strip().lower()).rstrip(".")


def _refuse_form(request: Request) -> Refusal | None:
    """Refuse the body of a form, which needs no permission to be sent."""
    content_type = request.headers.get("Content-Type")
    kind = content_type.partition(";")[0].strip().lower()
    is_page = "Origin" in request.headers or "Sec-Fetch-Site" in request.headers
    if kind in _OTHER_FORMS or (kind == _FORM and is_page):
        return Refusal(
            415, "the body has a form's type", "application/json", f"Content-Type: {content_type[:200]}"
        )
    return None
