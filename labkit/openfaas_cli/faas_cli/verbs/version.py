"""faas-cli version: versions of this program, gateway and provider."""

from __future__ import annotations

import sys
from typing import Any

from labkit.openfaas_cli.faas_cli.gateway import CLI_VERSION, Gateway
from labkit.openfaas_cli.faas_cli.output import LOGO, blue, echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION


def _run(arguments: Arguments) -> None:
    if arguments.on("short-version"):
        echo(CLI_VERSION)
        return
    sys.stdout.write(blue(LOGO))
    echo(f"CLI:\n commit:  labkit {VERSION}, a work-alike\n version: {CLI_VERSION}")
    try:
        gateway = Gateway.of(arguments, stack_of(arguments).gateway)
        info: dict[str, Any] = gateway.fetch("/system/info")
    except LabError:
        return  # without a gateway, the real one prints only its own version, and no error
    version = info.get("version") or {}
    echo(f"\nGateway\n uri:     {gateway.url}")
    echo(f" version: {version.get('release', '')}\n sha:     {version.get('sha', '')}\n")
    provider = info.get("provider") or {}
    version = provider.get("version") or {}
    echo(
        f"\nProvider\n name:          {provider.get('provider', '')}\n"
        f" orchestration: {provider.get('orchestration', '')}\n"
        f" version:       {version.get('release', '')} \n sha:           {version.get('sha', '')}"
    )


COMMAND = Verb(
    "Print the versions of client, gateway and provider",
    _run,
    flags=(
        ENVSUBST,
        *GATEWAY_FLAGS,
        Flag("short-version", "", False, "Print the client's version only"),
        Flag("warn-update", "", True, "Accepted; nothing is looked up online"),
    ),
    examples=("faas-cli version", "faas-cli version --short-version"),
)
