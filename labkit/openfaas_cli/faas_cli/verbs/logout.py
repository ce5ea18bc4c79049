"""faas-cli logout: forget the password of a gateway."""

from __future__ import annotations

from labkit.openfaas_cli.faas_cli import login_store
from labkit.openfaas_cli.faas_cli.command import GATEWAY, TLS, Command
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayError
from labkit.openfaas_cli.faas_cli.output import say
from labkit.openfaas_cli.pflag import Arguments


def _run(arguments: Arguments) -> None:
    url = Gateway.of(arguments).url
    if not login_store.remove(url):
        raise GatewayError(f"gateway {url} not found in config")
    say(f"credentials removed for {url}")


COMMAND = Command(
    short="Log out from an OpenFaaS gateway",
    run=_run,
    flags=(GATEWAY, TLS),
    examples=("faas-cli logout --gateway https://openfaas.example.com",),
)
