"""Find the stack file; check quickly whether an invocation needs it."""

from __future__ import annotations

import os

from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY
from labkit.openfaas_cli.pflag import Arguments


def stack_file(arguments: Arguments) -> str | None:
    """Return ``--yaml``, else ``stack.yaml`` or ``stack.yml``, else None."""
    default = next(filter(os.path.isfile, ("stack.yaml", "stack.yml")), None)
    return arguments.text("yaml") or default


def may_affect_invocation(file: str) -> bool:
    """Return whether a stack file may set a namespace or another gateway.

    A file written by ``faas-cli new`` sets neither. This check does not need
    the YAML parser, whose import would double the time of an invocation.
    """
    try:
        with open(file, encoding="utf-8") as source:
            text = source.read()
    except (OSError, UnicodeDecodeError):
        return True  # parsing it reports what is wrong
    gateways = [line.partition(":")[2] for line in text.splitlines() if "gateway" in line]
    return "namespace" in text or any(value.strip().strip("\"'") != DEFAULT_GATEWAY for value in gateways)
