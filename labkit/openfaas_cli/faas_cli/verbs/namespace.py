"""faas-cli namespace: create, change, delete and list namespaces."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.arguments import key_values, resource_name
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag

_MARK = {"openfaas": "1"}
"""Label and annotation that mark a namespace as one of OpenFaaS."""
_STEPS = {"POST": ("Creating", "Created"), "PUT": ("Updating", "Updated"), "DELETE": ("Deleting", "Deleted")}


def run_list(arguments: Arguments) -> None:
    """Print the names of all namespaces."""
    names = Gateway.of(arguments, stack_of(arguments).gateway).fetch("/system/namespaces")
    if arguments.on("json"):
        echo(go_json.indented(names))
        return
    echo("Namespaces:")
    for name in names or []:
        echo(f" - {name}")


def _change(method: str, arguments: Arguments) -> None:
    """Create (POST), update (PUT) or delete (DELETE) a namespace."""
    doing, done = _STEPS[method]
    name = resource_name(arguments, "namespace")
    content: dict[str, Any] = {"name": name, "labels": _MARK}
    if method != "DELETE":  # the mark overrides a flag of its name
        content["labels"] = {**key_values(arguments, "label"), **_MARK}
        content["annotations"] = {**key_values(arguments, "annotation"), **_MARK}
    echo(f"{doing} Namespace: {name}")
    # To create one, clients send the name in the body; the path has none.
    path = "/system/namespace/" + ("" if method == "POST" else quote(name, safe=""))
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    reply, body = gateway.exchange(method, path, content=content)
    if reply.status in (200, 201, 202):
        echo(f"Namespace {done}: {name}")
        return
    if reply.status == 404:
        raise GatewayRequestError(f"namespace {name} not found")
    if reply.status == 401:
        raise status_error(reply.status, body)
    text = json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False)
    raise GatewayRequestError(f"unexpected status code: {reply.status}, message: {text}")


_FLAGS = (ENVSUBST, *GATEWAY_FLAGS)
_CONTENT_FLAGS = (
    Flag("annotation", "", [], "Annotation, NAME=VALUE; may be given more than once"),
    Flag("label", "l", [], "Label, NAME=VALUE; may be given more than once"),
    *_FLAGS,
)
LIST_FLAGS = (Flag("json", "j", False, "Print as JSON"), *_FLAGS)

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
        "delete": Verb(
            "Delete a namespace that has no functions",
            partial(_change, "DELETE"),
            _FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace delete dev",),
        ),
        "list, ls": Verb("List the namespaces", run_list, LIST_FLAGS),
    },
    examples=("faas-cli namespace list",),
)
