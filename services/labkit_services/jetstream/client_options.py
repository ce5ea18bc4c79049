"""A login to NATS as options of nats-py's client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from labkit_services.contract.errors import InvalidValueError
from labkit_services.runtime.nats_login import NatsLogin

if TYPE_CHECKING:
    import ssl


def client_options(login: NatsLogin) -> dict[str, Any]:
    """Return what ``Client.connect`` needs to reach NATS and to log in.

    A server's certificate must be valid for the host in its URL. nats-py
    accepts any host that the cluster announces besides the given ones: their
    certificates are checked in the same way.

    Raises:
        InvalidValueError: A certificate or a key can't be used.
    """
    options: dict[str, Any] = {"servers": login.url.split(",")}
    options |= {"user": login.user, "password": login.password} if login.user else {}
    options |= {"token": login.token} if login.token else {}
    options |= {"user_credentials": login.creds} if login.creds else {}
    options |= {"nkeys_seed": login.nkey} if login.nkey else {}
    if login.ca or login.cert or "tls://" in login.url:
        options["tls"] = _tls(login)
    return {**options, "tls_handshake_first": True} if login.tls_first else options


def _is_no_news(record: logging.LogRecord) -> bool:
    """Drop asyncio's warning at each end of a connection with TLS.

    nats-py upgrades a plain connection, of which asyncio's stream does not
    know.
    """
    return "returning true from eof_received()" not in record.getMessage()


def _tls(login: NatsLogin) -> ssl.SSLContext:
    import ssl  # on use: it loads OpenSSL, which most labs never need

    logging.getLogger("asyncio").addFilter(_is_no_news)  # a second time changes nothing
    path = login.ca
    try:
        context = ssl.create_default_context(cafile=login.ca or None)
        if login.cert:
            path = login.cert
            context.load_cert_chain(login.cert, login.key or None, password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise InvalidValueError(
            f"the certificate {path} can't be used",
            expected="certificates in PEM, and the key without a password that belongs to the client's",
            seen=str(error),
        ) from None
    return context


def _no_password() -> str:
    """Refuse to ask in the terminal for the password of a key."""
    raise ValueError("the key is encrypted")
