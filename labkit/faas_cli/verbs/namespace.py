"""faas-cli namespace: where functions live."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from labkit.faas_cli.command import ENVSUBST, GATEWAY, TLS, TOKEN, Command, Group
from labkit.faas_cli.gateway import Gateway, GatewayError, status_error
from labkit.faas_cli.output import say
from labkit.faas_cli.stack import stack_of
from labkit.faas_cli.verbs.deploy import parse_map
from labkit.flags import Arguments, Flag, UsageError

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


def _create(arguments: Arguments) -> None:
    name, content = _name(arguments), _content(arguments)
    say(f"Creating Namespace: {name}")
    # A client gives the name in the body, and leaves the path without one.
    _send(arguments, "POST", "/system/namespace/", content)
    say(f"Namespace Created: {name}")


def _update(arguments: Arguments) -> None:
    name, content = _name(arguments), _content(arguments)
    say(f"Updating Namespace: {name}")
    _send(arguments, "PUT", f"/system/namespace/{quote(name, safe='')}", content)
    say(f"Namespace Updated: {name}")


def _delete(arguments: Arguments) -> None:
    name = _name(arguments)
    say(f"Deleting Namespace: {name}")
    _send(arguments, "DELETE", f"/system/namespace/{quote(name, safe='')}", {"name": name, "labels": _MARK})
    say(f"Namespace Deleted: {name}")


def _send(arguments: Arguments, method: str, path: str, content: dict[str, Any]) -> None:
    gateway = Gateway.of(arguments, stack_of(arguments).gateway)
    try:
        response = gateway.system(method, path, content=content, token=arguments.text("token"))
        body = response.read()
    except (OSError, EOFError) as error:
        raise gateway.unreachable(error) from error
    if response.status in (200, 201, 202):
        return
    if response.status == 404:
        raise GatewayError(f"namespace {content['name']} not found")
    if response.status == 401:
        raise status_error(response.status, body)
    text = json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False)
    raise GatewayError(f"unexpected status code: {response.status}, message: {text}")


def _name(arguments: Arguments) -> str:
    if not arguments.words:
        raise UsageError("namespace name required")
    if len(arguments.words) > 1:
        raise UsageError("too many values for namespace name")
    return arguments.words[0]


def _content(arguments: Arguments) -> dict[str, Any]:
    """Return a namespace as it is sent; the mark wins over a flag of its name."""
    return {
        "name": _name(arguments),
        "labels": {**parse_map(arguments.texts("label"), "label"), **_MARK},
        "annotations": {**parse_map(arguments.texts("annotation"), "annotation"), **_MARK},
    }


_COMMON = (ENVSUBST, GATEWAY, TLS, TOKEN)
_DESCRIBED = (
    Flag("annotation", "", [], "Annotation, NAME=VALUE; may be given more than once"),
    Flag("label", "l", [], "Label, NAME=VALUE; may be given more than once"),
    *_COMMON,
)

LIST_FLAGS = (*_COMMON, Flag("json", "j", False, "Print as JSON"))

COMMAND = Group(
    short="Manage the namespaces of functions",
    subcommands={
        "create": Command(
            words="NAME",
            short="Create a namespace",
            run=_create,
            flags=_DESCRIBED,
            examples=("faas-cli namespace create dev --label team=blue",),
        ),
        "update": Command(
            words="NAME",
            short="Replace the labels and annotations of a namespace",
            run=_update,
            flags=_DESCRIBED,
            examples=("faas-cli namespace update dev --annotation stage=test",),
        ),
        "delete": Command(
            words="NAME",
            short="Delete a namespace that has no functions",
            run=_delete,
            flags=_COMMON,
            examples=("faas-cli namespace delete dev",),
        ),
        "list": Command(
            short="List the namespaces",
            run=run_list,
            aliases=("ls",),
            flags=LIST_FLAGS,
            examples=("faas-cli namespace list",),
        ),
    },
)
