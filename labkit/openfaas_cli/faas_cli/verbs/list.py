"""faas-cli list: the functions of a gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.go_decode import FUNCTION_STATUS, ListOf
from labkit.openfaas_cli.faas_cli.go_time import ZERO, go_string, parse_time
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag

_ORDER: dict[str, Callable[[dict[str, Any]], Any]] = {
    "name": lambda function: function["name"],
    "invocations": lambda function: -_count(function),
    "creation": lambda function: function.get("createdAt", ""),
}


def _run(arguments: Arguments) -> None:
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    fetched = gateway.fetch(
        "/system/functions", ListOf(FUNCTION_STATUS), query=[("namespace", arguments.text("namespace"))]
    )
    functions = fetched or []  # null is an empty list in Go
    if order := _ORDER.get(arguments.text("sort")):
        functions.sort(key=order)
    if arguments.on("json"):
        echo(go_json.indented(fetched and [go_json.function_status(each) for each in functions]))
    elif arguments.on("quiet"):
        for function in functions:
            echo(function["name"])
    elif arguments.on("verbose"):
        _print_verbose(functions)
    else:
        echo(f"{'Function':<30}\t{'Invocations':<15}\t{'Replicas':<5}")
        for function in functions:
            echo(f"{function['name']:<30}\t{_count(function):<15}\t{function.get('replicas', 0):<5}")


def _print_verbose(functions: list[dict[str, Any]]) -> None:
    width = max([40, *(len(function["image"]) for function in functions)])
    echo(f"{'Function':<30}\t{'Image':<{width}}\t{'Invocations':<15}\t{'Replicas':<5}\t{'CreatedAt':<5}")
    for function in functions:
        echo(
            f"{function['name']:<30}\t{function['image']:<{width}}\t{_count(function):<15}\t"
            f"{function.get('replicas', 0):<5}\t\t{_created(function):<5}"
        )


def _created(function: dict[str, Any]) -> str:
    try:
        return go_string(parse_time(str(function.get("createdAt"))))
    except ValueError:
        return go_string(ZERO)


def _count(function: dict[str, Any]) -> int:
    return int(function.get("invocationCount", 0))


COMMAND = Verb(
    "List OpenFaaS functions",
    _run,
    flags=(
        ENVSUBST,
        *GATEWAY_FLAGS,
        Flag("json", "j", False, "Print the functions as JSON"),
        NAMESPACE,
        Flag("quiet", "q", False, "Print the names only"),
        Flag("sort", "", "name", "Order: name, invocations or creation"),
        Flag("verbose", "v", False, "Print image and time of creation too"),
    ),
    examples=("faas-cli list", "faas-cli list --verbose", "faas-cli list --json"),
)
