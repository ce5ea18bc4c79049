"""faas-cli version: versions of this program, gateway and provider."""

from __future__ import annotations

import sys
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import CLI_VERSION, Gateway
from labkit.openfaas_cli.faas_cli.go_decode import GATEWAY_INFO
from labkit.openfaas_cli.faas_cli.output import LOGO, blue, echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import VERSION

_COMMIT = f"labkit {VERSION}, a work-alike"


def _run(arguments: Arguments) -> None:
    if arguments.on("short-version"):
        echo(CLI_VERSION)
        return
    if arguments.on("json"):
        own = {"commit": _COMMIT, "version": CLI_VERSION}
        echo(go_json.indented({"cli": own, **_versions(arguments)}))
        return
    sys.stdout.write(blue(LOGO))
    echo(f"CLI:\n  commit:  {_COMMIT}\n  version: {CLI_VERSION}")
    try:
        versions = _versions(arguments)
    except LabError:
        return  # without a gateway, the real one prints only its own version, and no error
    gateway, provider = versions["gateway"], versions["provider"]
    echo(f"\nGateway\n uri:     {gateway['uri']}")
    if gateway["version"]:
        echo(f" version: {gateway['version']}\n sha:     {gateway['sha']}\n")
    echo(
        f"\nProvider\n name:          {provider['name']}\n"
        f" orchestration: {provider['orchestration']}\n"
        f" version:       {provider['version']} \n sha:           {provider['sha']}"
    )


def _versions(arguments: Arguments) -> dict[str, dict[str, str]]:
    """Return what the gateway says about itself and about its provider."""
    try:
        stack_gateway = stack_of(arguments).gateway
    except LabError:
        stack_gateway = ""  # the real one ignores a stack file that it cannot read
    gateway = Gateway.of(arguments, stack_gateway)
    info: dict[str, Any] = gateway.fetch("/system/info", GATEWAY_INFO)
    provider = info.get("provider") or {}
    own, other = info.get("version") or {}, provider.get("version") or {}
    return {
        "gateway": {"uri": gateway.url, "version": own.get("release", ""), "sha": own.get("sha", "")},
        "provider": {
            "name": provider.get("provider", ""),
            "orchestration": provider.get("orchestration", ""),
            "version": other.get("release", ""),
            "sha": other.get("sha", ""),
        },
    }


COMMAND = Verb(
    "Print the versions of client, gateway and provider",
    _run,
    flags=(
        ENVSUBST,
        *GATEWAY_FLAGS,
        Flag("json", "j", False, "Print the versions as JSON"),
        Flag("short-version", "", False, "Print the client's version only"),
        Flag("warn-update", "", True, "Accepted; nothing is looked up online"),
    ),
    examples=("faas-cli version", "faas-cli version --short-version", "faas-cli version --json"),
)
