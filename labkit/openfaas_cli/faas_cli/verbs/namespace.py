"""faas-cli namespace: create, change, delete and list namespaces."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli.arguments import key_values, resource_name
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayRequestError, status_error
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verb import ENVSUBST, GATEWAY_FLAGS, Group, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag

_MARK = {"openfaas": "1"}
"""Label and annotation that mark a namespace as one of OpenFaaS."""


def run_list(arguments: Arguments) -> None:
    """Print the names of all namespaces."""
    names = Gateway.of(arguments, stack_of(arguments).gateway).fetch("/system/namespaces")
    if arguments.on("json"):
        echo(json.dumps(names, indent=2))
        return
    echo("Namespaces:")
    for name in names:
        echo(f" - {name}")


def _create(arguments: Arguments) -> None:
    content = _content(arguments)
    echo(f"Creating Namespace: {content['name']}")
    # Clients send the name in the body; the path has none.
    _send(arguments, "POST", "", content)
    echo(f"Namespace Created: {content['name']}")


def _update(arguments: Arguments) -> None:
    content = _content(arguments)
    echo(f"Updating Namespace: {content['name']}")
    _send(arguments, "PUT", content["name"], content)
    echo(f"Namespace Updated: {content['name']}")


def _delete(arguments: Arguments) -> None:
    name = resource_name(arguments, "namespace")
    echo(f"Deleting Namespace: {name}")
    _send(arguments, "DELETE", name, {"name": name, "labels": _MARK})
    echo(f"Namespace Deleted: {name}")


def _content(arguments: Arguments) -> dict[str, Any]:
    """Return a namespace's JSON; the mark overrides a flag of its name."""
    return {
        "name": resource_name(arguments, "namespace"),
        "labels": {**key_values(arguments, "label"), **_MARK},
        "annotations": {**key_values(arguments, "annotation"), **_MARK},
    }


def _send(arguments: Arguments, method: str, name: str, content: dict[str, Any]) -> None:
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    reply, body = gateway.exchange(method, f"/system/namespace/{quote(name, safe='')}", content=content)
    if reply.status in (200, 201, 202):
        return
    if reply.status == 404:
        raise GatewayRequestError(f"namespace {content['name']} not found")
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
            _create,
            _CONTENT_FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace create dev --label team=blue",),
        ),
        "update": Verb(
            "Replace the labels and annotations of a namespace",
            _update,
            _CONTENT_FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace update dev --annotation stage=test",),
        ),
        "delete": Verb(
            "Delete a namespace that has no functions",
            _delete,
            _FLAGS,
            "NAMESPACE_NAME",
            ("faas-cli namespace delete dev",),
        ),
        "list, ls": Verb("List the namespaces", run_list, LIST_FLAGS),
    },
    examples=("faas-cli namespace list",),
)
