"""faas-cli namespace: where functions live."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from labkit.openfaas_cli.faas_cli.command import ENVSUBST, GATEWAY_FLAGS, Command, Group
from labkit.openfaas_cli.faas_cli.gateway import Gateway, GatewayError, status_error
from labkit.openfaas_cli.faas_cli.output import say
from labkit.openfaas_cli.faas_cli.resource import Resource
from labkit.openfaas_cli.faas_cli.stack import stack_of
from labkit.openfaas_cli.faas_cli.verbs.deploy import parse_map
from labkit.openfaas_cli.pflag import Arguments, Flag

_MARK = {"openfaas": "1"}
"""Label and annotation by which OpenFaaS knows a namespace as its own."""


def run_list(arguments: Arguments) -> None:
    """Print the names of all namespaces.

    Raises:
        GatewayError: The gateway cannot be asked.
    """
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    names = gateway.fetch("/system/namespaces", token=arguments.text("token"))
    if arguments.on("json"):
        say(json.dumps(names, indent=2))
        return
    say("Namespaces:")
    for name in names:
        say(f" - {name}")


def _create(name: str, arguments: Arguments) -> None:
    content = _content(name, arguments)
    say(f"Creating Namespace: {name}")
    # A client gives the name in the body, and leaves the path without one.
    _send(arguments, "POST", "", content)
    say(f"Namespace Created: {name}")


def _update(name: str, arguments: Arguments) -> None:
    content = _content(name, arguments)
    say(f"Updating Namespace: {name}")
    _send(arguments, "PUT", name, content)
    say(f"Namespace Updated: {name}")


def _delete(name: str, arguments: Arguments) -> None:
    say(f"Deleting Namespace: {name}")
    _send(arguments, "DELETE", name, {"name": name, "labels": _MARK})
    say(f"Namespace Deleted: {name}")


def _content(name: str, arguments: Arguments) -> dict[str, Any]:
    """Return a namespace as it is sent; the mark wins over a flag of its name."""
    return {
        "name": name,
        "labels": {**parse_map(arguments.texts("label"), "label"), **_MARK},
        "annotations": {**parse_map(arguments.texts("annotation"), "annotation"), **_MARK},
    }


def _send(arguments: Arguments, method: str, name: str, content: dict[str, Any]) -> None:
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    path = f"/system/namespace/{quote(name, safe='')}"
    response, body = gateway.answer(method, path, content=content, token=arguments.text("token"))
    if response.status in (200, 201, 202):
        return
    if response.status == 404:
        raise GatewayError(f"namespace {content['name']} not found")
    if response.status == 401:
        raise status_error(response.status, body)
    text = json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False)
    raise GatewayError(f"unexpected status code: {response.status}, message: {text}")


_NAMESPACE = Resource("namespace", (ENVSUBST, *GATEWAY_FLAGS))
_DESCRIPTION = (
    Flag("annotation", "", [], "Annotation, NAME=VALUE; may be given more than once"),
    Flag("label", "l", [], "Label, NAME=VALUE; may be given more than once"),
)

LIST_FLAGS = (Flag("json", "j", False, "Print as JSON"), *_NAMESPACE.flags)

COMMAND = Group(
    "Manage the namespaces of functions",
    {
        "create": _NAMESPACE.verb(
            "Create a namespace",
            _create,
            "faas-cli namespace create dev --label team=blue",
            flags=_DESCRIPTION,
        ),
        "update": _NAMESPACE.verb(
            "Replace the labels and annotations of a namespace",
            _update,
            "faas-cli namespace update dev --annotation stage=test",
            flags=_DESCRIPTION,
        ),
        "delete": _NAMESPACE.verb(
            "Delete a namespace that has no functions", _delete, "faas-cli namespace delete dev"
        ),
        "list": Command("List the namespaces", run_list, flags=LIST_FLAGS, aliases=("ls",)),
    },
    examples=("faas-cli namespace list",),
)
