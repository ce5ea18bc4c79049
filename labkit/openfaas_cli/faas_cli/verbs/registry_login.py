"""faas-cli registry-login: write a registry's login to ./credentials."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.go_errors import os_error_text
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError
from labkit_services.files.rooted_path import check_written

_FOLDER = Path("credentials")
_MODE = 0o744
"""Of folder and file, as in the real one."""


class CredentialsError(LabError, OSError):
    """The login cannot be written."""


def _run(arguments: Arguments) -> None:
    if arguments.on("ecr"):
        _check_ecr(arguments)
    user = arguments.text("username")
    if not user:
        raise UsageError("you must give --username (-u)")
    password = arguments.text("password")
    if arguments.on("password-stdin"):
        sys.stdout.write("Enter your password, hit enter then type Ctrl+D\n\nPassword: ")
        sys.stdout.flush()
        password = sys.stdin.read().strip()
    server = arguments.text("server")
    if not password or not server:
        raise UsageError("both --username and (--password-stdin or --password) are required")
    token = b64encode(f"{user}:{password}".encode()).decode()
    _write({"auths": {server: {"auth": token}}})
    echo("\nWrote ./credentials/config.json..OK")


def _check_ecr(arguments: Arguments) -> None:
    """Refuse what does not go with ``--ecr``.

    Amazon's login has no user, which the real one asks for all the same: with
    ``--ecr`` it never writes a file.
    """
    for flag in ("server", "password", "username"):
        if arguments.text(flag):
            raise UsageError(f"the --{flag} flag is not supported with ECR")
    for flag in ("account-id", "region"):
        if not arguments.text(flag):
            raise UsageError(f"the --{flag} flag is required with ECR")


def _write(login: dict[str, Any]) -> None:
    file = _FOLDER / "config.json"
    check_written(file)
    try:
        _FOLDER.mkdir(_MODE, exist_ok=True)
        is_new = not file.exists()
        file.write_text(json.dumps(login, indent=1, ensure_ascii=False), encoding="utf-8")
        if is_new:
            file.chmod(_MODE)
    except OSError as error:
        raise CredentialsError(os_error_text("open", file, error)) from error


COMMAND = Verb(
    "Write the login of a container registry to ./credentials (the lab needs none)",
    _run,
    flags=(
        Flag("account-id", "", "", "Account at Amazon, for --ecr"),
        Flag("ecr", "", False, "The registry is Amazon's"),
        Flag("password", "", "", "Password"),
        Flag("password-stdin", "s", False, "Read the password from standard input"),
        Flag("region", "", "", "Region at Amazon, for --ecr"),
        Flag("server", "", "https://index.docker.io/v1/", "URL of the registry"),
        Flag("username", "u", "", "User"),
    ),
    examples=("faas-cli registry-login -u me --password-stdin < password.txt",),
)
