"""faas-cli namespace: create, show, change, remove and list namespaces."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.arguments import parse_pairs, resource_name
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError
from labkit.openfaas_cli.faas_cli.go_decode import DecodeError, ListOf, MapOf, Shape, Struct, Text, decode
from labkit.openfaas_cli.faas_cli.output import echo, echo_table
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag

_MARK = {"openfaas": "1"}
"""Label and annotation that mark a namespace as one of OpenFaaS."""
_STEPS = {"POST": ("Creating", "Created"), "PUT": ("Updating", "Updated"), "DELETE": ("Deleting", "Removed")}
_UNAUTHORIZED = "unauthorized action, please setup authentication for this server"

_NAMESPACE = Struct(
    "types.FunctionNamespace",
    {"name": Text(), "labels": MapOf(Text()), "annotations": MapOf(Text())},
)


def run_list(arguments: Arguments) -> None:
    """Print the names of all namespaces."""
    reply, body = _gateway(arguments).exchange("GET", "/system/namespaces")
    if reply.status == 401:
        raise GatewayRequestError("check authorization, status code: 401")
    names = _decoded(body, ListOf(Text()))
    if arguments.has("json") and arguments.on("json"):
        echo(go_json.indented(names))
        return
    echo("Namespaces:")
    for name in names or []:
        echo(f" - {name}")


def _get(arguments: Arguments) -> None:
    """Print a namespace; as in the real one, the mark alone is not shown."""
    name = resource_name(arguments, "namespace")
    reply, body = _gateway(arguments).exchange("GET", _path(name))
    if reply.status != 200:
        raise _refusal(name, reply.status, body)
    namespace = _decoded(body, _NAMESPACE)
    lines = [f"Name:\t{namespace.get('name', '')}"]
    for title in ("Labels", "Annotations"):
        values = namespace.get(title.lower()) or {}
        if len(values) > 1:
            lines += [f"{title}:", *(f"\t {key}: {value}" for key, value in sorted(values.items()))]
    echo_table(lines)


def _change(method: str, arguments: Arguments) -> None:
    """Create (POST), update (PUT) or remove (DELETE) a namespace."""
    doing, done = _STEPS[method]
    name = resource_name(arguments, "namespace")
    content: dict[str, Any] = {"name": name, "labels": _MARK}
    if method != "DELETE":  # the mark overrides a flag of its name
        content["labels"] = {**parse_pairs(arguments.texts("label"), "labels"), **_MARK}
        content["annotations"] = {**parse_pairs(arguments.texts("annotation"), "annotations"), **_MARK}
    gateway = _gateway(arguments)
    echo(f"{doing} Namespace: {name}")
    # To create one, clients send the name in the body; the path has none.
    reply, body = gateway.exchange(method, _path("" if method == "POST" else name), content=content)
    if reply.status not in (200, 201, 202):
        raise _refusal(name, reply.status, body, is_new=method == "POST")
    echo(f"Namespace {done}: {name}")


def _gateway(arguments: Arguments) -> Gateway:
    return Gateway.of(arguments, stack_of(arguments).gateway)


def _path(name: str) -> str:
    return "/system/namespace/" + quote(name, safe="")


def _decoded(body: bytes, shape: Shape) -> Any:
    try:
        return decode(body, shape)
    except DecodeError as error:
        text = body.decode("utf-8", "replace")
        raise GatewayRequestError(f"unable to marshal to JSON: {text}, error: {error}") from error


def _refusal(name: str, status: int, body: bytes, *, is_new: bool = False) -> GatewayRequestError:
    """Return the error of OpenFaaS's SDK for a response."""
    if status == 404 and not is_new:
        return GatewayRequestError(f"namespace {name} not found")
    if status == 401:
        return GatewayRequestError(_UNAUTHORIZED)
    text = json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False)
    return GatewayRequestError(f"unexpected status code: {status}, message: {text}")


FLAGS = (ENVSUBST, *GATEWAY_FLAGS)
_CONTENT_FLAGS = (
    Flag("annotation", "", [], "Annotation, NAME=VALUE; may be given more than once"),
    Flag("label", "l", [], "Label, NAME=VALUE; may be given more than once"),
    *FLAGS,
)

COMMAND = Group(
    "Manage the namespaces of functions",
    {
        "create": Verb(
            "Create a namespace",
            partial(_change, "POST"),
            _CONTENT_FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace create dev --label team=blue",),
        ),
        "update": Verb(
            "Replace the labels and annotations of a namespace",
            partial(_change, "PUT"),
            _CONTENT_FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace update dev --annotation stage=test",),
        ),
        "get": Verb(
            "Show a namespace with its labels and annotations",
            _get,
            FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace get dev",),
        ),
        "remove, rm, delete": Verb(
            "Remove a namespace that has no functions",
            partial(_change, "DELETE"),
            FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace remove dev",),
        ),
        "list, ls": Verb(
            "List the namespaces", run_list, (Flag("json", "j", False, "Print as JSON"), *FLAGS)
        ),
    },
    examples=("faas-cli namespace list",),
)
