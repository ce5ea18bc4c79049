"""faas-cli secret: create, change, remove and list functions' secrets."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.arguments import resource_name
from labkit.openfaas_cli.faas_cli.gateway import UNAUTHORIZED, Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.output import echo, read_input
from labkit.openfaas_cli.faas_cli.verb import GATEWAY_FLAGS, NAMESPACE, Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_PATH = "/system/secrets"
_SECRET = (go_json.Field("name", ""), *go_json.left_out("namespace", "value", "rawValue"))
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class SecretFileError(LabError, OSError):
    """The file with a secret's value cannot be read."""


def _create(arguments: Arguments) -> None:
    """Create a secret, or with ``--replace`` update it.

    As with the real one, the gateway's response is printed, and the exit code
    is 0 even for an error.
    """
    name = resource_name(arguments, "secret")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"ERROR: invalid secret name {name}\nSecret name must start and end with an alphanumeric "
            "character \nand can only contain lower-case alphanumeric characters, '-' or '.'"
        )
    secret, gateway = _secret(name, arguments), _gateway(arguments)
    echo(f"Creating secret: {name}.{arguments.text('namespace')}")
    status, outcome = _store(gateway, "POST", secret)
    if status == 409 and arguments.on("replace"):
        echo(f"Secret {name} already exists, updating...")
        _, outcome = _store(gateway, "PUT", secret)
    echo(outcome)


def _update(arguments: Arguments) -> None:
    """Replace a secret's value; exit code 0 as with ``create``."""
    name = resource_name(arguments, "secret")
    secret, gateway = _secret(name, arguments), _gateway(arguments)
    echo(f"Updating secret: {name}.{arguments.text('namespace')}")
    echo(_store(gateway, "PUT", secret)[1])


def _remove(arguments: Arguments) -> None:
    name = resource_name(arguments, "secret")
    content, missing = _reference(name, arguments), f"unable to find secret: {name}"
    _gateway(arguments).checked("DELETE", _PATH, content=content, missing=missing)
    echo("Removed.. OK.")


def _list(arguments: Arguments) -> None:
    # The warning would not be JSON.
    gateway = Gateway.of(arguments) if arguments.on("json") else _gateway(arguments)
    secrets = gateway.fetch(_PATH, query=[("namespace", arguments.text("namespace"))]) or []
    if arguments.on("json"):
        echo(go_json.indented([go_json.struct(_SECRET, secret) for secret in secrets]))
        return
    if not secrets:
        echo("No secrets found.")
        return
    for line in ("", "NAME", *(secret["name"] for secret in secrets), ""):
        echo(line)


def _gateway(arguments: Arguments) -> Gateway:
    gateway = Gateway.of(arguments)
    gateway.warn_of_plain_http()
    return gateway


def _store(gateway: Gateway, method: str, secret: dict[str, Any]) -> tuple[int, str]:
    """Send a secret; return the status (500: no response) and a message."""
    try:
        reply, body = gateway.exchange(method, _PATH, content=secret)
    except GatewayRequestError as error:
        return 500, str(error)
    if reply.status in (200, 201, 202):
        done = "Created" if method == "POST" else "Updated"
        return reply.status, f"{done}: {reply.status} {reply.reason}"
    messages = {
        (401, method): UNAUTHORIZED,
        (404, "PUT"): f"unable to find secret: {secret['name']}",
        (409, "POST"): f'secret with the name "{secret["name"]}" already exists',
    }
    message = messages.get((reply.status, method)) or status_error(reply.status, body).headline
    return reply.status, message


def _reference(name: str, arguments: Arguments) -> dict[str, Any]:
    namespace = arguments.text("namespace")
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _secret(name: str, arguments: Arguments) -> dict[str, Any]:
    """Return a secret's JSON, with the value of flag, file or stdin.

    A file's bytes are sent unchanged as ``rawValue``. ``value`` beside it,
    without white space around it, is for gateways older than that field.
    """
    literal, file = arguments.text("from-literal"), arguments.text("from-file")
    if literal and file:
        raise UsageError(
            "please provide secret using only one option from --from-literal, --from-file and STDIN"
        )
    secret = _reference(name, arguments)
    if file:
        try:
            raw = Path(file).read_bytes()
        except OSError as error:
            raise SecretFileError(f"unable to read secret file: {file}", seen=str(error)) from error
        secret["rawValue"] = b64encode(raw).decode()
        value = raw.decode("utf-8", "replace")
    elif literal:
        value = literal
    else:
        value = read_input().decode("utf-8", "replace")
    if arguments.on("trim"):
        value = value.strip()
    if not value:
        raise UsageError("must provide a non empty secret via --from-literal, --from-file or STDIN")
    return {**secret, "value": value}


_FLAGS = (NAMESPACE, *GATEWAY_FLAGS)
_VALUE = (
    Flag("from-file", "", "", "File that holds the secret's value"),
    Flag("from-literal", "", "", "Value of the secret"),
    Flag("trim", "", True, "Remove white space from both ends of the value; a file's bytes stay"),
)
_REPLACE = Flag("replace", "", False, "Update the secret if it exists")

COMMAND = Group(
    "Manage the secrets of functions",
    {
        "create": Verb(
            "Create a secret from a flag, a file or standard input",
            _create,
            (*_VALUE, _REPLACE, *_FLAGS),
            "SECRET_NAME",
            (
                "faas-cli secret create api-key --from-literal=VALUE",
                "faas-cli secret create api-key --from-file=key.txt --replace",
                "faas-cli secret create api-key < key.txt",
            ),
        ),
        "update, u": Verb(
            "Replace the value of a secret",
            _update,
            (*_VALUE, *_FLAGS),
            "SECRET_NAME",
            ("faas-cli secret update api-key --from-literal=VALUE",),
        ),
        "remove, rm, delete": Verb(
            "Remove a secret", _remove, _FLAGS, "SECRET_NAME", ("faas-cli secret remove api-key",)
        ),
        "list, ls": Verb(
            "List the names of the secrets",
            _list,
            (Flag("json", "j", False, "Print the secrets as JSON"), *_FLAGS),
            examples=("faas-cli secret list", "faas-cli secret list --json"),
        ),
    },
    examples=("faas-cli secret list",),
)
