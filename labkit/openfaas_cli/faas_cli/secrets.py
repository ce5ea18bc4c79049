"""Functions' secrets: their JSON, and the requests that change them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.go_decode import SECRET, ListOf
from labkit.openfaas_cli.pflag import Arguments
from labkit_services.contract.errors import LabError

_PATH = "/system/secrets"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

LOCAL_SECRETS = Path(".secrets")
"""The folder that has one file for each secret."""

BAD_NAME = (
    "ERROR: invalid secret name {}\nSecret name must start and end with an alphanumeric "
    "character \nand can only contain lower-case alphanumeric characters, '-' or '.'"
)
"""With the name put in: the message about a name that is not valid."""


class SecretFileError(LabError, OSError):
    """A file with a secret's value cannot be read or written."""


def is_secret_name(name: str) -> bool:
    """Return whether Kubernetes accepts the name (a DNS subdomain)."""
    return _NAME.fullmatch(name) is not None


def secret_gateway(arguments: Arguments) -> Gateway:
    """Return the gateway, which is never the stack file's."""
    gateway = Gateway.of(arguments)
    gateway.warn_of_plain_http()
    return gateway


def reference(arguments: Arguments, name: str) -> dict[str, Any]:
    """Return the JSON that names a secret in ``--namespace``."""
    namespace = arguments.text("namespace")
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def secret_value(raw: bytes, *, trim: bool) -> str:
    """Return a value as text, perhaps without white space around it."""
    text = raw.decode("utf-8", "replace")
    return text.strip() if trim else text


def list_secrets(gateway: Gateway, namespace: str) -> list[dict[str, Any]]:
    """Return names and namespaces of the secrets."""
    return list(gateway.fetch(_PATH, ListOf(SECRET), query=[("namespace", namespace)]) or [])


def remove_secret(gateway: Gateway, secret: dict[str, Any]) -> None:
    """Remove a secret."""
    gateway.checked("DELETE", _PATH, content=secret, missing=f"unable to find secret: {secret['name']}")


def create_secret(gateway: Gateway, secret: dict[str, Any]) -> tuple[int, str]:
    """Return the response's status (500: none), and what to print."""
    try:
        reply, body = gateway.exchange("POST", _PATH, content=secret)
    except GatewayRequestError as error:
        return 500, f"{error}\n"
    if reply.status in (200, 201, 202):
        return reply.status, f"Created: {reply.status} {reply.reason}\n"
    if reply.status == 409:
        return reply.status, f'secret with the name "{secret["name"]}" already exists\n'
    return reply.status, f"{status_error(reply.status, body).headline}\n"


def update_secret(gateway: Gateway, secret: dict[str, Any]) -> str:
    """Return what to print; as in the real one, errors end no line."""
    try:
        reply, body = gateway.exchange("PUT", _PATH, content=secret)
    except GatewayRequestError as error:
        return f"{error}\n"
    if reply.status in (200, 202):
        return f"Updated: {reply.status} {reply.reason}\n"
    if reply.status == 404:
        return f"unable to find secret: {secret['name']}"
    return status_error(reply.status, body).headline
