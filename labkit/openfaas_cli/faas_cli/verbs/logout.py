"""faas-cli logout: delete the saved password of a gateway."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli import login_store
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, TLS, Verb
from labkit.openfaas_cli.pflag import Arguments, UsageError


def _run(arguments: Arguments) -> None:
    if not arguments.text("gateway"):
        raise UsageError("gateway cannot be an empty string")
    url = Gateway.of(arguments).url
    if not login_store.exists():
        raise GatewayRequestError("config file not found")
    if not login_store.remove(url):
        raise GatewayRequestError(f"gateway {url} not found in config")
    echo(f"credentials removed for {url}")


COMMAND = Verb(
    "Log out from an OpenFaaS gateway",
    _run,
    flags=(GATEWAY, TLS),
    examples=("faas-cli logout --gateway https://openfaas.example.com",),
)
