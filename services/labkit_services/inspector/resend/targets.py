"""Where forwards and replays may go: to this machine, and no further.

A request to another address comes from the inspector's machine, behind its
firewall and with its network's rights (server-side request forgery). So only
loopback addresses are allowed, the lab's gateway, and what the setting
``allow_targets`` lists. A name is resolved once, and the connection goes to
the address that was checked: a second look-up could give another one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.ports import is_gateway_alias
from labkit_services.http.origin import KEPT, Origin
from labkit_services.inspector.errors import RequestRefusedError

_ODD = re.compile(r"[\x00-\x20\x7f\\]")
"""Browsers, curl and Python read these in different ways."""
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?")
_METADATA = frozenset({"100.100.100.200", "fd00:ec2::254"})
"""Of clouds whose metadata service has no link-local address."""
_MAX_URL = 8192
_RESOLVE_SECONDS = 5.0
LookUp = Callable[[str, int], Awaitable[list[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetRefusedError(RequestRefusedError, PermissionError):
    """The target is not allowed."""

    status = 403


class UnresolvedTargetError(RequestRefusedError, ConnectionError):
    """The target's name leads nowhere."""

    status = 502


@dataclass(frozen=True, slots=True)
class CheckedTarget:
    """A server that may be sent to, and what to request from it.

    Attributes:
        origins: The same server at each of its addresses, to be tried in turn.
        target: Path and query.
    """

    url: str
    origins: tuple[Origin, ...]
    target: str


class AllowedTargets:
    """Checks targets.

    Args:
        allowed: Hosts beyond this machine: ``example.com``,
            ``.example.com`` for all names below it, ``10.0.0.5:8080``, ``*``.
        gateway_url: Returns where ``gateway:8080`` leads; raises a LabError
            if there is no gateway.
        closed: Ports of this machine that are not for HTTP requests: the
            lab's nats-server.
        look_up: Returns the addresses of a host and port.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        gateway_url: Callable[[], str],
        closed: Iterable[int] = (),
        look_up: LookUp | None = None,
    ) -> None:
        self._allowed = frozenset(name.strip().lower() for name in allowed) - {""}
        self._suffixes = tuple(name for name in self._allowed if name.startswith("."))
        self._gateway_url = gateway_url
        self._closed = frozenset(closed)
        self._addresses_of = look_up or _system_look_up

    async def resolve(self, url: object) -> CheckedTarget:
        """Return where a URL leads if that is allowed.

        Raises:
            InvalidValueError: It is no URL.
            TargetRefusedError: It leads to where nothing may be sent.
            UnresolvedTargetError: Its host has no address.
            LabError: It is the gateway, and no lab runs.
        """
        origin, target = self._parse(url)
        addresses = self._literal_addresses(origin) or await self._look_up(origin)
        for address in addresses:
            self._check_address(origin, address)
        origins = tuple(replace(origin, address=str(address)) for address in addresses)
        return CheckedTarget(str(url), origins, target)

    def _parse(self, url: object) -> tuple[Origin, str]:
        if not isinstance(url, str) or len(url) > _MAX_URL:
            raise InvalidValueError(
                "the target is not a URL", expected="such as http://127.0.0.1:8080/function/figlet"
            )
        if _ODD.search(url):
            raise self._refused(url, "its URL contains a blank, a control character or a backslash")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidValueError("the target is not a URL", seen=f"{url[:200]!a}: {error}") from None
        if parts.scheme not in ("http", "https"):
            raise self._refused(url, f"its scheme is {parts.scheme!r}, not http or https")
        if "@" in parts.netloc:
            raise self._refused(url, "its URL contains a user; send an Authorization header instead")
        if port == 0:
            raise self._refused(url, "there is no port 0")
        origin, _ = Origin.parse(url)
        # As it is written, not as Go would write it: a replay repeats it.
        target = quote(f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}", safe=KEPT)
        return self._without_alias(replace(origin, host=origin.host.lower())), target

    def _without_alias(self, origin: Origin) -> Origin:
        is_alias = is_gateway_alias(origin.host, origin.port)
        return Origin.parse(self._gateway_url())[0] if is_alias and not origin.tls else origin

    def _literal_addresses(self, origin: Origin) -> list[_Address]:
        """Return the addresses that need no look-up."""
        host = origin.host.removesuffix(".")
        if host == "localhost" or host.endswith(".localhost"):
            # RFC 6761 §6.3: always this machine, whatever a name server says.
            return [ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")]
        try:
            return [ipaddress.ip_address(host)]
        except ValueError:
            pass
        if _NUMBER.fullmatch(host):
            raise self._refused(host, "it is a number, which programs take for different addresses")
        if not self._lists(origin, host):
            raise self._refused(host, "only this machine may be sent to")
        return []

    async def _look_up(self, origin: Origin) -> list[_Address]:
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await self._addresses_of(origin.host, origin.port)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            reason = str(error) or f"no answer within {_RESOLVE_SECONDS:g} s"
            raise UnresolvedTargetError(
                f"the host {origin.host[:200]!a} has no address", seen=reason
            ) from None
        return [ipaddress.ip_address(address) for address in found]

    def _check_address(self, origin: Origin, address: _Address) -> None:
        """Raise TargetRefusedError for an address that is not allowed.

        Even ``*`` does not open link-local addresses: the clouds' metadata
        services, which give away credentials, are there.
        """
        plain = getattr(address, "ipv4_mapped", None) or address
        shown = f"{origin.host} ({plain})" if str(plain) != origin.host else origin.host
        if plain.is_loopback:
            if origin.port in self._closed:
                raise self._refused(f"{shown}, port {origin.port}", "it is the port of the lab's nats-server")
            return
        special = plain.is_unspecified or plain.is_link_local or plain.is_multicast or plain.is_reserved
        if (special or str(plain) in _METADATA) and str(plain) not in self._allowed:
            raise self._refused(shown, "its address is not that of an ordinary server")
        if not self._lists(origin, origin.host.removesuffix(".")):
            raise self._refused(shown, "only this machine may be sent to")

    def _lists(self, origin: Origin, host: str) -> bool:
        names = {host, f"{host}:{origin.port}", f"[{host}]:{origin.port}", "*"}
        return bool(names & self._allowed) or host.endswith(self._suffixes)

    def _refused(self, target: str, why: str) -> TargetRefusedError:
        more = ", ".join(sorted(self._allowed))
        return TargetRefusedError(
            f"nothing is sent to {target[:200]!a}: {why}",
            expected="a loopback address, localhost, the gateway" + (f", or {more}" if more else ""),
            next_step="start the inspector with allow_targets=HOST to allow more",
        )


async def _system_look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]
