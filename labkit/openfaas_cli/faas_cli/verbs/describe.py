"""faas-cli describe: details of one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.output import align, echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag


def _run(arguments: Arguments) -> None:
    name = arguments.first_word("please provide a name for the function")
    namespace = arguments.text("namespace")
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    function = fetch_function(gateway, name, namespace)
    functions = gateway.fetch("/system/functions", query=[("namespace", namespace)]) or []
    # Only the list has the number of invocations.
    count = next((f.get("invocationCount", 0) for f in functions if f["name"] == function["name"]), 0)
    if arguments.on("json"):
        echo(go_json.indented(_as_struct(function, int(count), gateway.url, namespace)))
        return
    for line in description(function, int(count), gateway.url, namespace, verbose=arguments.on("verbose")):
        echo(line)


def _as_struct(function: Mapping[str, Any], count: int, gateway: str, namespace: str) -> dict[str, Any]:
    """Return faas-cli's struct ``FunctionDescription``.

    It adds fields without a JSON name to ``FunctionStatus``; Go writes such a
    field under the name that it has in the program.
    """
    path = str(function["name"]) + (f".{namespace}" if namespace else "")
    ready = function.get("availableReplicas", 0) > 0
    return go_json.function_status(function) | {
        "Status": "Ready" if ready else "Not Ready",
        "InvocationCount": count,
        "URL": f"{gateway}/function/{path}",
        "AsyncURL": f"{gateway}/async-function/{path}",
    }


def fetch_function(gateway: Gateway, name: str, namespace: str) -> dict[str, Any]:
    """Return a function's status; raise an error if it does not exist."""
    query = [("usage", "1"), ("namespace", namespace)]
    path = f"/system/function/{quote(name, safe='')}"
    return dict(gateway.fetch(path, query=query, missing=f"No such function: {name}"))


def description(
    function: Mapping[str, Any], count: int, gateway: str, namespace: str, *, verbose: bool
) -> list[str]:
    """Return the lines that describe a function."""
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
    for title in ("Labels", "Annotations", "Constraints", "Environment", "Secrets"):
        if values := function.get("envVars" if title == "Environment" else title.lower()):
            lines += [f"{title}:", *(f"\t {entry}" for entry in _entries(values))]
        elif verbose:
            lines.append(f"{title}:\t <none>")
    for title in ("Requests", "Limits", "Usage"):
        values = function.get(title.lower())
        if values and title == "Usage":
            lines += ["Usage:", f"  RAM:\t {values.get('totalMemoryBytes', 0) / 1024 / 1024:.2f} MB"]
            lines.append(f"  CPU:\t {values.get('cpu', 0):.0f} Mi")
        elif values:
            lines.append(f"{title}:\t CPU: {values.get('cpu', '')}")
            lines.append(f"\t Memory: {values.get('memory', '')}")
        elif verbose:
            lines.append(f"{title}:\t <none>")
    return align(lines)


def _entries(values: Mapping[str, str] | Sequence[str]) -> list[str]:
    if isinstance(values, Mapping):
        return [f"{name}: {value}" for name, value in sorted(values.items())]
    return [f"- {name}" for name in values]


COMMAND = Verb(
    "Describe an OpenFaaS function",
    _run,
    words="FUNCTION_NAME",
    flags=(
        ENVSUBST,
        NAMESPACE,
        *GATEWAY_FLAGS,
        Flag("json", "j", False, "Print the details as JSON"),
        Flag("verbose", "v", False, "Include sections that are empty"),
    ),
    examples=(
        "faas-cli describe figlet",
        "faas-cli describe figlet --verbose",
        "faas-cli describe figlet --json",
    ),
)
