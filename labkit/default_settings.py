"""Settings of a lab that environment variables give a default."""

from __future__ import annotations

import os

from labkit_services.runtime.nats_login import NatsLogin

FUNCTIONS_VARIABLE = "LABKIT_FUNCTIONS"
NATS_VARIABLES = "LABKIT_NATS", "LABKIT_NATS_CREDENTIALS"
"""Environment variables for ``nats`` and ``nats_credentials``."""
GATEWAY_VARIABLE = "LABKIT_GATEWAY"
USER_VARIABLE = "LABKIT_GATEWAY_USER"
PASSWORD_VARIABLE = "LABKIT_GATEWAY_PASSWORD"  # noqa: S105 - the variable's name
CALLBACK_VARIABLE = "LABKIT_CALLBACK_URL"


def default_functions() -> str:
    """Return what the variable says that functions run in, or ""."""
    return os.environ.get(FUNCTIONS_VARIABLE, "")


def default_gateway() -> str:
    """Return the URL of the OpenFaaS to connect to; "" for a lab here."""
    return os.environ.get(GATEWAY_VARIABLE, "").strip()


def default_login() -> tuple[str, str]:
    """Return the user and the password for it, "" if no variable has them."""
    return os.environ.get(USER_VARIABLE, ""), os.environ.get(PASSWORD_VARIABLE, "")


def default_callback_url() -> str:
    """Return where that OpenFaaS reaches this process; "" to find out."""
    return os.environ.get(CALLBACK_VARIABLE, "").strip()


def chosen_nats(url: str | None, credentials: str | os.PathLike[str] | None) -> NatsLogin:
    """Return the login to an existing NATS; without a URL there is none.

    ``$LABKIT_NATS`` and ``$LABKIT_NATS_CREDENTIALS`` count where an argument
    is None.

    Raises:
        InvalidValueError: An address or the file can't be used.
    """
    urls, path = (os.environ.get(name, "") for name in NATS_VARIABLES)
    urls, file = urls if url is None else url, path if credentials is None else credentials
    if url is None and credentials is not None and not urls:
        return NatsLogin.of("", file)  # the file's own address
    return NatsLogin.of(urls, file) if urls else NatsLogin()
