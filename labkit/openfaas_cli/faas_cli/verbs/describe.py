"""faas-cli describe: all that is known of one function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Command
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayError, status_error
from labkit.openfaas_cli.faas_cli.output import align, say
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError


def _run(arguments: Arguments) -> None:
    if not arguments.words:
        raise UsageError("please provide a name for the function")
    name, namespace = arguments.words[0], arguments.text("namespace")
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    function = find_function(gateway, name, namespace, token=arguments.text("token"))
    query = [("namespace", namespace)]
    functions = gateway.fetch("/system/functions", query=query, token=arguments.text("token"))
    # Only the list counts invocations.
    count = next((f.get("invocationCount", 0) for f in functions if f["name"] == function["name"]), 0)
    for line in description(function, int(count), gateway.url, namespace, verbose=arguments.on("verbose")):
        say(line)


def find_function(gateway: Gateway, name: str, namespace: str, token: str = "") -> dict[str, Any]:
    """Return a function's status.

    Raises:
        GatewayError: There is none of that name, or the gateway cannot be asked.
    """
    query = [("usage", "1"), ("namespace", namespace)]
    path = f"/system/function/{quote(name, safe='')}"
    response, body = gateway.answer("GET", path, query=query, token=token)
    if response.status == 404:
        raise GatewayError(f"No such function: {name}")
    if response.status != 200:
        raise status_error(response.status, body)
    function: dict[str, Any] = json.loads(body)
    return function


def description(
    function: Mapping[str, Any], count: int, gateway: str, namespace: str, *, verbose: bool
) -> list[str]:
    """Return the lines that describe a function; ``verbose`` names also what it has none of."""
    path = function["name"] + (f".{namespace}" if namespace else "")
    lines = [
        f"Name:\t{function['name']}",
        f"Status:\t{'Ready' if function.get('availableReplicas', 0) > 0 else 'Not Ready'}",
        f"Replicas:\t{function.get('replicas', 0)}",
        f"Available Replicas:\t{function.get('availableReplicas', 0)}",
        f"Invocations:\t{count}",
        f"Image:\t{function['image']}",
        f"Function Process:\t{function.get('envProcess') or '<default>'}",
        f"URL:\t{gateway}/function/{path}",
        f"Async URL:\t{gateway}/async-function/{path}",
    ]
    for title, key in (("Labels", "labels"), ("Annotations", "annotations")):
        lines += _section(title, _pairs(function.get(key)), verbose=verbose)
    lines += _section("Constraints", _names(function.get("constraints")), verbose=verbose)
    lines += _section("Environment", _pairs(function.get("envVars")), verbose=verbose)
    lines += _section("Secrets", _names(function.get("secrets")), verbose=verbose)
    for title, key in (("Requests", "requests"), ("Limits", "limits")):
        if resources := function.get(key):
            lines.append(f"{title}:\t CPU: {resources.get('cpu', '')}")
            lines.append(f"\t Memory: {resources.get('memory', '')}")
        elif verbose:
            lines.append(f"{title}:\t <none>")
    if usage := function.get("usage"):
        lines += [
            "Usage:",
            f"  RAM:\t {usage.get('totalMemoryBytes', 0) / 1024 / 1024:.2f} MB",
            f"  CPU:\t {usage.get('cpu', 0):.0f} Mi",
        ]
    elif verbose:
        lines.append("Usage:\t <none>")
    return align(lines)


def _pairs(values: Mapping[str, str] | None) -> list[str]:
    return [f"{name}: {value}" for name, value in sorted((values or {}).items())]


def _names(values: Sequence[str] | None) -> list[str]:
    return [f"- {name}" for name in values or ()]


def _section(title: str, entries: Sequence[str], *, verbose: bool) -> list[str]:
    if entries:
        return [f"{title}:", *(f"\t {entry}" for entry in entries)]
    return [f"{title}:\t <none>"] if verbose else []


COMMAND = Command(
    words="FUNCTION_NAME",
    short="Describe an OpenFaaS function",
    run=_run,
    flags=(
        ENVSUBST,
        NAMESPACE,
        *GATEWAY_FLAGS,
        Flag("verbose", "v", False, "Name also what the function has none of"),
    ),
    examples=("faas-cli describe figlet", "faas-cli describe figlet --verbose"),
)
