"""Where the stack file is; and what an invocation needs of it, without reading YAML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labkit.openfaas_cli.faas_cli.gateway import DEFAULT_GATEWAY

if TYPE_CHECKING:
    from labkit.openfaas_cli.pflag import Arguments


def stack_file(arguments: Arguments) -> Path | None:
    """Return ``--yaml``, else ``stack.yaml``, else ``stack.yml`` of the current folder, else None."""
    if chosen := arguments.text("yaml"):
        return Path(chosen)
    return next((file for name in ("stack.yaml", "stack.yml") if (file := Path(name)).is_file()), None)


def gateway_and_namespace(arguments: Arguments, function: str) -> tuple[str, str]:
    """Return the stack's gateway and the namespace it puts ``function`` in; "" where it says nothing.

    A file as ``faas-cli new`` writes it says neither, and to see that takes no
    YAML parser, whose import would double the time of an invocation.

    Raises:
        StackFileError: The file is needed and cannot be used.
    """
    file = stack_file(arguments)
    chosen = any(arguments.text(flag) for flag in ("yaml", "filter", "regex"))
    if file is None or not (chosen or says_something(file)):
        return "", ""
    from labkit.openfaas_cli.faas_cli.stack import StackFunction, stack_of

    stack = stack_of(arguments)
    return stack.gateway, stack.functions.get(function, StackFunction(function)).namespace


def says_something(file: Path) -> bool:
    """Tell whether a stack file may hold a namespace or a gateway other than the default."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True  # reading it in earnest will tell what is wrong
    gateways = [line.partition(":")[2] for line in text.splitlines() if "gateway" in line]
    return "namespace" in text or any(
        value.strip().strip("\"'").rstrip("/") != DEFAULT_GATEWAY for value in gateways
    )
