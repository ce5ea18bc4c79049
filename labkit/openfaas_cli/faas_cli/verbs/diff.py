"""faas-cli diff: compare the stack file with the deployed functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.go_decode import FUNCTION_STATUS, ListOf
from labkit.openfaas_cli.faas_cli.image_tag import TAG, tagged
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import StackFunction, full_environment, stack_of
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, NAMESPACE, Verb
from labkit.openfaas_cli.faas_cli.verbs.deploy import deployment
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import DEFAULT_NAMESPACE

_MIN_WIDTH = 40
"""Of each side, in bytes."""
_ENV_MODES = ("local", "remote", "all")
_NAMES = {
    "image": "image",
    "envProcess": "fprocess",
    "envVars": "env",
    "secrets": "secret",
    "constraints": "constraint",
    "labels": "label",
    "annotations": "annotation",
    "limits": "limits",
    "requests": "requests",
}
"""By field of ``FunctionDeployment``: the name in the output."""

Row = tuple[str, str | None, str | None]
"""An attribute's name, its value in the stack file and the deployed one."""
Attributes = dict[str, str]
"""By name, such as ``label.canary`` or ``limits.cpu``: the value."""


class DifferencesFoundError(LabError):
    """Differences found."""


def attributes(fields: Mapping[str, Any]) -> Attributes:
    """Flatten a ``FunctionDeployment`` or a ``FunctionStatus``."""
    flat = {"readonly_root_filesystem": str(bool(fields.get("readOnlyRootFilesystem"))).lower()}
    for field, name in _NAMES.items():
        value = fields.get(field)
        if isinstance(value, str) and value:
            flat[name] = value
        elif isinstance(value, list):
            flat |= {f"{name}.{item}": "present" for item in value}
        elif isinstance(value, Mapping):
            resource = field in ("limits", "requests")
            flat |= {f"{name}.{key}": text for key, text in value.items() if text or not resource}
    return flat


def differing(stack: Attributes, deployed: Attributes, name: str, mode: str) -> list[str]:
    """Return the attributes of function ``name`` that differ, sorted.

    A process that only the deployed function has is the template's. ``mode``
    is ``local`` to leave out variables that only the deployed function has,
    ``remote`` to leave out those that only the stack file has, or ``all``.
    What a provider adds to every function (faas-netes: two labels and an
    annotation) is no difference.
    """
    added = {"label.faas_function": name, "annotation.prometheus.io.scrape": "false"}

    def counts(attribute: str) -> bool:
        if attribute not in stack:
            is_ours = attribute.startswith("annotation.labkit/")
            hidden = is_ours or attribute in ("fprocess", "label.uid")
            hidden = hidden or added.get(attribute) == deployed[attribute]
            return not (hidden or (mode == "local" and attribute.startswith("env.")))
        if attribute not in deployed:
            return not (mode == "remote" and attribute.startswith("env."))
        return stack[attribute] != deployed[attribute]

    return sorted(filter(counts, stack.keys() | deployed.keys()))


def side_by_side(key: str, rows: Sequence[Row]) -> list[str]:
    """Return a function's table of attribute, stack's and deployed value."""
    width = max(6, *(len(name.encode()) + 1 for name, _, _ in rows))
    sides = [("stack.yaml", "deployed")]
    sides += [(_cell("-", name, a, width), _cell("+", name, b, width)) for name, a, b in rows]
    left, right = (max(_MIN_WIDTH, *(len(side[i].encode()) for side in sides)) for i in (0, 1))
    lines = [f"  {_pad(a, left)} | {_pad(b, right)}" for a, b in sides]
    return [key, lines[0], f"  {'-' * left}-+-{'-' * right}", *lines[1:], ""]


def _cell(marker: str, name: str, value: str | None, width: int) -> str:
    return "" if value is None else f"{marker} {name + ':':<{width}} {value}"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - len(text.encode()))


def _run(arguments: Arguments) -> None:
    file, mode = stack_file(arguments), arguments.text("env")
    if file is None:
        raise UsageError("no YAML file specified - use -f to provide a stack.yaml")
    if mode not in _ENV_MODES:
        raise UsageError(f"unknown env diff mode: {mode}")
    stack = stack_of(arguments)
    if not stack.functions:
        raise UsageError(f"no functions found in {file}")
    functions = {
        name: replace(tagged(function, arguments), environment=full_environment(function))
        for name, function in stack.functions.items()
    }
    deployed = _deployed(Gateway.of(arguments, stack.gateway), functions, arguments.text("namespace"))
    found = False
    for key, function in sorted(_by_key(functions, arguments.text("namespace")).items()):
        if rows := _rows(function, deployed.get(key), mode):
            found = True
            for line in side_by_side(key, rows):
                echo(line)
    if found:
        raise DifferencesFoundError("differences found")
    echo("YAML matches deployment, no differences found.")


def _by_key(functions: Mapping[str, StackFunction], flag: str) -> dict[str, StackFunction]:
    return {_key(name, flag or function.namespace): function for name, function in functions.items()}


def _key(name: str, namespace: str) -> str:
    return f"{name}.{namespace}" if namespace and "." not in name else name


def _deployed(
    gateway: Gateway, functions: Mapping[str, StackFunction], flag: str
) -> dict[str, Mapping[str, Any]]:
    """Return the statuses by key, with and without the namespace.

    The real one asks only for the namespace of the flag, or the default one,
    and takes functions of other namespaces for not deployed.
    """
    own = {function.namespace for function in functions.values()}
    namespaces = {flag} if flag else {"" if name == DEFAULT_NAMESPACE else name for name in own}
    found: dict[str, Mapping[str, Any]] = {}
    for namespace in sorted(namespaces):
        for status in (
            gateway.fetch("/system/functions", ListOf(FUNCTION_STATUS), query=[("namespace", namespace)])
            or []
        ):
            for place in (namespace, status.get("namespace", "")):
                found[_key(status["name"], place)] = status
    return found


def _rows(function: StackFunction, status: Mapping[str, Any] | None, mode: str) -> list[Row]:
    if status is None:
        return [("function", "defined in stack.yaml", "not deployed")]
    stack, deployed = attributes(deployment(function)), attributes(status)
    names = differing(stack, deployed, function.name, mode)
    return [(name, stack.get(name), deployed.get(name)) for name in names]


COMMAND = Verb(
    "Compare the stack file with the deployed functions",
    _run,
    flags=(
        Flag("env", "", "local", "Variables to compare: local (of the stack file), remote (deployed) or all"),
        ENVSUBST,
        NAMESPACE,
        *GATEWAY_FLAGS,
        TAG,
    ),
    examples=("faas-cli diff", "faas-cli diff -f stack.yaml --env all"),
)
