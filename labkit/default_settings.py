"""Settings of a lab that environment variables give a default."""

from __future__ import annotations

import os

from labkit_services.contract.function_providers import PROCESS

FUNCTIONS_VARIABLE = "LABKIT_FUNCTIONS"


def default_functions() -> str:
    """Return what functions run in if no argument says so."""
    return os.environ.get(FUNCTIONS_VARIABLE) or PROCESS


GATEWAY_VARIABLE = "LABKIT_GATEWAY"
USER_VARIABLE = "LABKIT_GATEWAY_USER"
PASSWORD_VARIABLE = "LABKIT_GATEWAY_PASSWORD"  # noqa: S105 - the variable's name
CALLBACK_VARIABLE = "LABKIT_CALLBACK_URL"


def default_gateway() -> str:
    """Return the URL of the OpenFaaS to connect to; "" for a lab here."""
    return os.environ.get(GATEWAY_VARIABLE, "").strip()


def default_login() -> tuple[str, str]:
    """Return the user and the password for it, "" if no variable has them."""
    return os.environ.get(USER_VARIABLE, ""), os.environ.get(PASSWORD_VARIABLE, "")


def default_callback_url() -> str:
    """Return where that OpenFaaS reaches this process; "" to find out."""
    return os.environ.get(CALLBACK_VARIABLE, "").strip()
