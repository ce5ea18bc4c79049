"""faas-cli secret apply and generate: secrets' values in files."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from base64 import b64encode
from pathlib import Path

from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.go_errors import os_error_text
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.secrets import (
    BAD_NAME,
    LOCAL_SECRETS,
    SecretFileError,
    create_secret,
    is_secret_name,
    list_secrets,
    reference,
    remove_secret,
    secret_gateway,
    secret_value,
    update_secret,
)
from labkit.openfaas_cli.pflag import Arguments, UsageError
from labkit_services.files.own_file import kind_of


def run_generate(arguments: Arguments) -> None:
    """Print random bytes in hexadecimal, or write them to a new file."""
    length, target = arguments.number("length"), arguments.text("output")
    if length < 0:
        raise UsageError(f"--length {length} is not a number of bytes", expected="0 or more")
    value = secrets.token_hex(length) if length else ""
    if not target:
        echo(value)
        return
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder or ".", mode=0o700, exist_ok=True)
    except OSError as error:
        raise SecretFileError(f"creating directory: {os_error_text('mkdir', folder, error)}") from error
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        raise SecretFileError(f"writing secret: {os_error_text('open', target, error)}") from error
    echo(f"Wrote {length}-byte secret (hex) to {target}")


def run_apply(arguments: Arguments) -> None:
    """Send each file of ``./.secrets``; replace secrets that exist.

    A secret that cannot be sent is reported, and the exit code stays 0.
    """
    gateway, namespace = secret_gateway(arguments), arguments.text("namespace")
    folder = LOCAL_SECRETS.absolute()
    if not folder.exists():
        raise SecretFileError(f"secrets directory does not exist: {folder}")
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        reason = os_error_text("open", folder, error)
        raise SecretFileError(f"failed to read secrets directory: {reason}") from error
    if not files:
        echo("No secrets found in .secrets directory")
        return
    try:
        found = list_secrets(gateway, namespace)
    except GatewayRequestError as error:
        raise GatewayRequestError(f"failed to get secret list: {error}") from error
    existing = {secret["name"] for secret in found if secret.get("namespace", "") == namespace}
    for file in files:
        if file.is_symlink() or not file.is_dir():
            _apply(gateway, file, arguments, exists=file.name in existing)


def _apply(gateway: Gateway, file: Path, arguments: Arguments, *, exists: bool) -> None:
    name = file.name
    if not is_secret_name(name):
        echo(f"Skipping invalid secret name: {name} - {BAD_NAME.format(name)}")
        return
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # reading it may never end
            echo(f"Failed to read secret file {name}: it is {kind_of(mode)}")
            return
        raw = file.read_bytes()
    except OSError as error:
        operation = "read" if isinstance(error, IsADirectoryError) else "open"
        echo(f"Failed to read secret file {name}: {os_error_text(operation, file, error)}")
        return
    value = secret_value(raw, trim=arguments.on("trim"))
    if not value:
        echo(f"Skipping empty secret: {name}")
        return
    if exists:
        echo(f"Secret {name} exists, deleting before recreating...")
        try:
            remove_secret(gateway, reference(arguments, name))
        except GatewayRequestError as error:
            echo(f"Failed to remove existing secret {name}: {error}")
    secret = {**reference(arguments, name), "value": value, "rawValue": b64encode(raw).decode()}
    echo(f"Creating secret: {name}.{arguments.text('namespace')}")
    status, outcome = create_secret(gateway, secret)
    if status == 409:
        echo(f"Secret {name} still exists, updating...")
        outcome = update_secret(gateway, secret)
    sys.stdout.write(outcome)
