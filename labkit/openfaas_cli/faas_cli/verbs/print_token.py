"""faas-cli print-token: show what a JSON Web Token says."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.go_decode import parse
from labkit.openfaas_cli.faas_cli.go_errors import os_error_text
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.verb import Verb
from labkit.openfaas_cli.pflag import Arguments
from labkit_services.contract.errors import LabError


class TokenError(LabError, ValueError):
    """The file has no JSON Web Token."""


def _run(arguments: Arguments) -> None:
    file = arguments.first_word("provide the filename as an argument i.e. faas-cli print-token ./token.txt")
    try:
        token = Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TokenError(os_error_text("open", file, error)) from error
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise TokenError(f"token should have 3 parts, got {len(parts)}")
    shown = {"header": _part(parts[0]), "payload": _part(parts[1])}
    echo(json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False))


def _part(text: str) -> Any:
    try:
        return parse(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise TokenError(seen=str(error)) from error


COMMAND = Verb("Print the header and the payload of a JSON Web Token", _run, words="FILE")
