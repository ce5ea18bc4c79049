"""faas-cli ready: wait for the gateway or a function."""

from __future__ import annotations

import time

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY, NAMESPACE, TLS, Command
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayError
from labkit.openfaas_cli.faas_cli.http import HttpRequestError
from labkit.openfaas_cli.faas_cli.output import say
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verbs.describe import find_function
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.durations import format_duration, parse_duration


def _run(arguments: Arguments) -> None:
    attempts, interval = arguments.number("attempts"), parse_duration(arguments.text("interval"))
    if attempts < 1:
        raise UsageError("attempts must be greater than 0")
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    name = arguments.words[0] if arguments.words else ""
    for attempt in range(1, attempts + 1):
        count = f"[{attempt}/{attempts}]"
        if _function_ready(gateway, name, arguments, count) if name else _gateway_ready(gateway, count):
            return
        if attempt < attempts:
            time.sleep(interval)
    what = f"function {name}" if name else f"gateway: {gateway.url}"
    raise GatewayError(f"{what} not ready after: {format_duration(attempts * interval)}")


def _gateway_ready(gateway: Gateway, count: str) -> bool:
    say(f"{count} Waiting for gateway")
    try:
        response = gateway.send("GET", "/healthz", timeout=5.0)
        response.close()
    except HttpRequestError as error:
        say(f"{count} Error reaching OpenFaaS gateway: {error.headline}")
        return False
    if response.status == 200:
        say("OpenFaaS gateway is ready")
    return response.status == 200


def _function_ready(gateway: Gateway, name: str, arguments: Arguments, count: str) -> bool:
    namespace = arguments.text("namespace")
    say(f"{count} Waiting for function {name}{f'.{namespace}' if namespace else ''}")
    try:
        function = find_function(gateway, name, namespace)
    except GatewayError as error:
        say(f"{count} Error getting function info: {error.headline}")
        return False
    if function.get("availableReplicas", 0) > 0:
        say(f"Function {name} is ready")
        return True
    return False


COMMAND = Command(
    words="[FUNCTION_NAME]",
    short="Wait until the gateway or a function can be used",
    run=_run,
    flags=(
        Flag("attempts", "", 60, "How often to look"),
        ENVSUBST,
        GATEWAY,
        Flag("interval", "", "1s", "How long to wait between two looks"),
        NAMESPACE,
        TLS,
    ),
    examples=("faas-cli ready", "faas-cli ready figlet"),
)
