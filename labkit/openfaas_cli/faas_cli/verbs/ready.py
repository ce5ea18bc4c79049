"""faas-cli ready: wait for the gateway or a function."""

from __future__ import annotations

import time

from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.go_time import check_duration, duration
from labkit.openfaas_cli.faas_cli.http import HttpRequestError
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY, NAMESPACE, TLS, Verb
from labkit.openfaas_cli.faas_cli.verbs.describe import fetch_function
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _run(arguments: Arguments) -> None:
    attempts, interval = arguments.number("attempts"), duration(arguments.text("interval"))
    if attempts < 1:
        raise UsageError("attempts must be greater than 0")
    gateway, namespace = Gateway.of(arguments, stack_of(arguments).gateway), arguments.text("namespace")
    name = arguments.words[0] if arguments.words else ""
    for attempt in range(1, attempts + 1):
        count = f"[{attempt}/{attempts}]"
        if _function_ready(gateway, name, namespace, count) if name else _gateway_ready(gateway, count):
            return
        if attempt < attempts:
            time.sleep(max(interval, 0))
    what = f"function {name}" if name else f"gateway: {gateway.url}"
    # The real one multiplies by a number that it has rounded to 0.
    raise GatewayRequestError(f"{what} not ready after: 0s")


def _gateway_ready(gateway: Gateway, count: str) -> bool:
    echo(f"{count} Waiting for gateway")
    scheme, _, address = gateway.url.partition("://")
    health = Gateway(f"{scheme}://{address.partition('/')[0]}")  # without the path of the URL
    try:
        reply = health.send("GET", "/healthz")
        reply.close()
    except HttpRequestError as error:
        echo(f"{count} Error reaching OpenFaaS gateway: {error.headline}")
        return False
    if reply.status == 200:
        echo("OpenFaaS gateway is ready")
    return reply.status == 200


def _function_ready(gateway: Gateway, name: str, namespace: str, count: str) -> bool:
    echo(f"{count} Waiting for function {name}{f'.{namespace}' if namespace else ''}")
    try:
        function = fetch_function(gateway, name, namespace)
    except GatewayRequestError as error:
        echo(f"{count} Error getting function info: {error.headline}")
        return False
    if function.get("availableReplicas", 0) > 0:
        echo(f"Function {name} is ready")
        return True
    return False


COMMAND = Verb(
    "Wait until the gateway or a function can be used",
    _run,
    words="[FUNCTION_NAME]",
    flags=(
        Flag("attempts", "", 60, "Number of attempts"),
        ENVSUBST,
        GATEWAY,
        Flag("interval", "", "1s", "Time between two attempts", check_duration),
        NAMESPACE,
        TLS,
    ),
    examples=("faas-cli ready", "faas-cli ready figlet"),
)
