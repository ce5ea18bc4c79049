"""Where the OpenFaaS reaches this process, to send it the results."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from labkit.default_settings import CALLBACK_VARIABLE
from labkit.errors import CallbackUrlError
from labkit.remote.address import RemoteAddress
from labkit_services.contract.ports import DEFAULT_INSPECTOR_PORT

_SET_IT = (
    f"give a URL of this machine that the OpenFaaS reaches: Lab.connect(…, callback_url='http://HOST:PORT'), "
    f"or the variable {CALLBACK_VARIABLE}"
)

FORWARDED_PORT = DEFAULT_INSPECTOR_PORT
"""Where the receiver listens if a tunnel or a proxy with TLS forwards."""
_CONTAINERS = ("kubernetes", "containerd")
"""What faas-netes and faasd say in ``/system/info``."""
_ELSEWHERE = ("192.0.2.1", 9)
"""An address that is nobody's (RFC 5737), and to which nothing is sent."""


class CallbackAddress(NamedTuple):
    """Where results are received.

    Attributes:
        host: The address to listen on.
        port: The port to listen on; 0 is any.
        url: What the OpenFaaS is told, without a path; "" if it follows from
            where the receiver listens.
    """

    host: str
    port: int = 0
    url: str = ""


def callback_address(remote: RemoteAddress, chosen: str = "", *, orchestration: str = "") -> CallbackAddress:
    """Return where to listen for the results of a gateway's calls.

    Without a chosen URL it is this machine's address on the way to the
    gateway; or, if that is loopback and the OpenFaaS runs in containers, on
    the way to other machines. A container has a loopback of its own.

    Args:
        remote: The gateway.
        chosen: What the OpenFaaS is to be told, or "".
        orchestration: What the OpenFaaS says that it runs in.

    Raises:
        CallbackUrlError: The gateway can't reach the chosen URL, or there is
            no way to the gateway.
    """
    try:
        own = _own_address(remote.host, remote.port)
    except OSError as error:
        raise CallbackUrlError(
            f"this machine has no address that leads to {remote.url}",
            expected="a route to the gateway",
            seen=str(error),
            next_step=f"check the gateway's name; {_SET_IT}",
        ) from error
    in_containers = is_loopback(own) and orchestration in _CONTAINERS
    if not chosen:
        return CallbackAddress(_outward_address(orchestration) if in_containers else own)
    try:
        parts = urlsplit(chosen if "://" in chosen else f"http://{chosen}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(chosen, str(error)) from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise _invalid(chosen, "no URL of a host")
    if is_loopback(host) and (in_containers or not is_loopback(own)):
        where = f"a container ({orchestration})" if in_containers else "another machine"
        raise CallbackUrlError(
            f"{chosen} leads back to what sends to it",
            expected=f"an address of this machine that {remote.url} reaches"
            + ("" if in_containers else f", such as {own}"),
            seen=f"{host}; the OpenFaaS is {where}, and has a loopback of its own",
            next_step=f"leave it out, so that the lab finds one; or {_SET_IT}",
        )
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    if is_loopback(host):
        return CallbackAddress("127.0.0.1", port or 0, url if port else "")
    if parts.scheme == "https":
        # The receiver has no TLS: something in between has, and forwards.
        return CallbackAddress("0.0.0.0", FORWARDED_PORT, url)  # noqa: S104 - as below
    # The name may be that of this machine inside a container.
    return CallbackAddress("0.0.0.0", port or 0, url)  # noqa: S104 - only bins are open; the API has a token


def is_loopback(host: str) -> bool:
    """Tell whether a host is the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _outward_address(orchestration: str) -> str:
    """Return this machine's address on the way to other machines."""
    reason = "its only address is loopback"
    try:
        own = _own_address(*_ELSEWHERE)
        if not is_loopback(own):
            return own
    except OSError as error:
        reason = str(error)
    raise CallbackUrlError(
        f"the OpenFaaS runs in containers ({orchestration}), which can't reach 127.0.0.1",
        expected="an address of this machine that other machines reach",
        seen=reason,
        next_step=_SET_IT,
    )


def _own_address(host: str, port: int) -> str:
    """Return this machine's address on the way to another.

    A datagram socket that is connected sends nothing: the system chooses the
    route, and with it the address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    # IPv4 if there is a choice: containers have often no other.
    family, kind, _, _, target = min(found, key=lambda each: each[0] != socket.AF_INET)
    with socket.socket(family, kind) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0])


def _invalid(chosen: str, reason: str) -> CallbackUrlError:
    return CallbackUrlError(
        "this is no URL for results",
        expected="a URL such as http://192.0.2.7:9090",
        seen=f"{chosen!r}: {reason}",
        next_step=_SET_IT,
    )
