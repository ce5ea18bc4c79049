"""faas-cli describe: details of one function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.gateway import Gateway, UnreachableError
from labkit.openfaas_cli.faas_cli.go_decode import FUNCTION_STATUS, ListOf
from labkit.openfaas_cli.faas_cli.http_syntax import escape_path
from labkit.openfaas_cli.faas_cli.output import align, echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag


def _run(arguments: Arguments) -> None:
    name = arguments.first_word("please provide a name for the function")
    namespace = arguments.text("namespace")
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    function = fetch_function(gateway, name, namespace)
    functions = (
        gateway.fetch("/system/functions", ListOf(FUNCTION_STATUS), query=[("namespace", namespace)]) or []
    )
    # Only the list has the number of invocations.
    count = next((f.get("invocationCount", 0) for f in functions if f["name"] == function["name"]), 0)
    path = full_name(name, namespace)
    if arguments.on("json"):
        echo(go_json.indented(_as_struct(function, int(count), gateway.url, path)))
        return
    for line in description(function, int(count), gateway.url, path, verbose=arguments.on("verbose")):
        echo(line)


def full_name(name: str, namespace: str) -> str:
    """Return a function's name with its namespace, if one is given."""
    return f"{name}.{namespace}" if namespace else name


def _as_struct(function: Mapping[str, Any], count: int, gateway: str, path: str) -> dict[str, Any]:
    """Return faas-cli's struct ``FunctionDescription``.

    It adds fields without a JSON name to ``FunctionStatus``; Go writes such a
    field under the name that it has in the program.
    """
    ready = function.get("availableReplicas", 0) > 0
    return go_json.function_status(function) | {
        "Status": "Ready" if ready else "Not Ready",
        "InvocationCount": count,
        "URL": f"{gateway}/function/{path}",
        "AsyncURL": f"{gateway}/async-function/{path}",
    }


def fetch_function(gateway: Gateway, name: str, namespace: str) -> dict[str, Any]:
    """Return a function's status; raise an error if it does not exist.

    Like the real one, this removes ``..`` from the path, and escapes the rest.
    """
    query = [("usage", "1"), ("namespace", namespace)]
    path = escape_path(os.path.normpath(f"/system/function/{name}"))
    try:
        return dict(gateway.fetch(path, FUNCTION_STATUS, query=query, missing=f"no such function: {name}"))
    except UnreachableError as error:
        error.headline = f"cannot connect to URL: {gateway.url}, error: {error.seen}"
        error.seen = ""
        raise


def description(
    function: Mapping[str, Any], count: int, gateway: str, path: str, *, verbose: bool
) -> list[str]:
    """Return the lines that describe a function, which has this URL path."""
    lines = [
        f"Name:\t{function['name']}",
        f"Status:\t{'Ready' if function.get('availableReplicas', 0) > 0 else 'Not Ready'}",
        f"Replicas:\t{function.get('replicas', 0)}",
        f"Available Replicas:\t{function.get('availableReplicas', 0)}",
        f"Invocations:\t{count}",
        *([f"Image:\t{image}"] if (image := function.get("image") or "<none>" * verbose) else []),
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
            cpu = values.get("cpu", 0)
            lines.append(f"  CPU:\t {cpu if cpu >= 0 else 1:.0f} Mi")
        elif values:
            lines += [f"{title}:", f"\t CPU: {values.get('cpu', '')}"]
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
        Flag("name", "", "", "Accepted; the name is the word after describe"),
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
