"""faas-cli version: this program's, the gateway's and the provider's."""

from __future__ import annotations

from typing import Any

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY_FLAGS, Command
from labkit.openfaas_cli.faas_cli.gateway import CLI_VERSION, Gateway
from labkit.openfaas_cli.faas_cli.output import say, say_logo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION


def _run(arguments: Arguments) -> None:
    if arguments.on("short-version"):
        say(CLI_VERSION)
        return
    say_logo()
    say(f"CLI:\n commit:  labkit {VERSION}, a work-alike\n version: {CLI_VERSION}")
    try:
        gateway = Gateway.of(arguments, stack_of(arguments).gateway)
        info: dict[str, Any] = gateway.fetch("/system/info", token=arguments.text("token"))
    except LabError:
        return  # a version can be asked for with no gateway at hand, and the real one is silent too
    version = info.get("version") or {}
    say(f"\nGateway\n uri:     {gateway.url}")
    say(f" version: {version.get('release', '')}\n sha:     {version.get('sha', '')}\n")
    provider = info.get("provider") or {}
    version = provider.get("version") or {}
    say(
        f"\nProvider\n name:          {provider.get('provider', '')}\n"
        f" orchestration: {provider.get('orchestration', '')}\n"
        f" version:       {version.get('release', '')} \n sha:           {version.get('sha', '')}"
    )


COMMAND = Command(
    short="Print the versions of client, gateway and provider",
    run=_run,
    flags=(
        ENVSUBST,
        *GATEWAY_FLAGS,
        Flag("short-version", "", False, "Print the client's version only"),
        Flag("warn-update", "", True, "Accepted; nothing is looked up online"),
    ),
    examples=("faas-cli version", "faas-cli version --short-version"),
)
