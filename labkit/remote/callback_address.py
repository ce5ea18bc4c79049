"""Where the OpenFaaS reaches this process, to send it the results."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from labkit.default_settings import CALLBACK_VARIABLE
from labkit.errors import CallbackUrlError
from labkit.remote.address import RemoteAddress

_SET_IT = (
    f"give a URL of this machine that the OpenFaaS reaches: Lab.connect(…, callback_url='http://HOST:PORT'), "
    f"or the variable {CALLBACK_VARIABLE}"
)


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


def callback_address(remote: RemoteAddress, chosen: str = "") -> CallbackAddress:
    """Return where to listen for the results of a gateway's calls.

    Without a chosen URL it is this machine's address on the way to the
    gateway.

    Raises:
        CallbackUrlError: The gateway can't reach the chosen URL, or there is
            no way to the gateway.
    """
    try:
        own = _own_address(remote)
    except OSError as error:
        raise CallbackUrlError(
            f"this machine has no address that leads to {remote.url}",
            expected="a route to the gateway",
            seen=str(error),
            next_step=f"check the gateway's name; {_SET_IT}",
        ) from error
    if not chosen:
        return CallbackAddress(own)
    try:
        parts = urlsplit(chosen if "://" in chosen else f"http://{chosen}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(chosen, str(error)) from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise _invalid(chosen, "no URL of a host")
    if is_loopback(host) and not is_loopback(own):
        raise CallbackUrlError(
            f"{chosen} leads back to the machine that sends to it",
            expected=f"an address of this machine that {remote.url} reaches, such as {own}",
            seen=f"{host}, which is the gateway's own machine when the gateway uses it",
            next_step=f"leave it out, so that {own} is used; or {_SET_IT}",
        )
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    if is_loopback(host):
        return CallbackAddress("127.0.0.1", port or 0, url if port else "")
    # The name may be that of a tunnel, or of this machine inside a container.
    return CallbackAddress("0.0.0.0", port or 0, url)  # noqa: S104 - only bins are open; the API has a token


def is_loopback(host: str) -> bool:
    """Tell whether a host is the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _own_address(remote: RemoteAddress) -> str:
    """Return this machine's address on the way to a gateway.

    A datagram socket that is connected sends nothing: the system chooses the
    route, and with it the address.
    """
    family, kind, _, _, target = socket.getaddrinfo(remote.host, remote.port, type=socket.SOCK_DGRAM)[0]
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
