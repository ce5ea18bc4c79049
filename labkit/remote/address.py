"""Which OpenFaaS to connect to, and the login for it."""

from __future__ import annotations

import base64
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from labkit.default_settings import GATEWAY_VARIABLE, PASSWORD_VARIABLE, USER_VARIABLE, default_login
from labkit_services.contract.errors import InvalidValueError

_EXAMPLE = "http://gateway.example.com:8080"


class RemoteAddress(NamedTuple):
    """An OpenFaaS gateway.

    Attributes:
        url: Without credentials, without a final slash.
        user: For basic authentication; "" is none.
        password: The user's password.
    """

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        # Without the password: a notebook saves what it shows.
        return f"RemoteAddress(url={self.url!r}, user={self.user!r})"

    @property
    def host(self) -> str:
        """The gateway's host."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The gateway's port."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


def remote_address(url: str, user: str = "", password: str = "") -> RemoteAddress:
    """Return the gateway's address with its login.

    The login is that of the arguments, else of the URL, else of the variables
    ``LABKIT_GATEWAY_USER`` and ``LABKIT_GATEWAY_PASSWORD``, else the one that
    ``faas-cli login`` saved for this URL; else none.

    Raises:
        InvalidValueError: It is no URL of a gateway.
        LoginStoreError: faas-cli's file of logins is damaged.
    """
    text = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid(text, str(error)) from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise _invalid(text, "")
    shown_host = f"[{host}]" if ":" in host else host
    plain = f"{parts.scheme}://{shown_host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    in_url = unquote(parts.username or ""), unquote(parts.password or "")
    for login in ((user, password), in_url, default_login()):
        if any(login):
            if not all(login):
                raise InvalidValueError(
                    f"the login for {plain} is not complete",
                    expected="a user and a password",
                    seen="a user without a password" if login[0] else "a password without a user",
                    next_step=f"Lab.connect(url, user, password), or {USER_VARIABLE} and {PASSWORD_VARIABLE}",
                )
            return RemoteAddress(plain, *login)
    return RemoteAddress(plain, *saved_login(plain))


def saved_login(url: str) -> tuple[str, str]:
    """Return user and password that faas-cli has for a gateway, or ""."""
    from labkit.openfaas_cli.faas_cli import login_store  # reads YAML
    from labkit.openfaas_cli.faas_cli.gateway import normalise_url

    kind, token = login_store.find(normalise_url(url)) or ("", "")
    if kind != "basic":
        return "", ""
    login_store.check(token)
    user, _, password = base64.b64decode(token).decode("utf-8", "replace").partition(":")
    return user, password


def _invalid(text: str, reason: str) -> InvalidValueError:
    # The URL may have a password in it.
    shown = text.rpartition("@")[2]
    return InvalidValueError(
        "this is no URL of an OpenFaaS gateway",
        expected=f"a URL such as {_EXAMPLE}",
        seen=f"{shown!r}{f': {reason}' if reason else ''}",
        next_step=f"correct the argument of Lab.connect(), or the variable {GATEWAY_VARIABLE}",
    )
