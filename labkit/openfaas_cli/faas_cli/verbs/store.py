"""faas-cli store: ready-made functions."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.command import GATEWAY, Command, Group
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import align, say
from labkit.openfaas_cli.faas_cli.verbs.deploy import (
    SEND_FLAGS,
    Deployment,
    check_modes,
    parse_map,
    raise_failed,
    send,
)
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_OWN_STORE = Path(__file__).resolve().parent.parent / "store.json"
_PLATFORM = "x86_64"
"""The store's images are named by platform; a process needs no image of its machine's own."""


class StoreError(LabError):
    """The function store cannot be read."""


def store_functions(address: str) -> list[dict[str, Any]]:
    """Return the functions of a store: the lab's own for "", else those of a file or URL.

    Raises:
        StoreError: It cannot be read, or holds something else.
    """
    try:
        if address.startswith(("http://", "https://")):
            content = json.loads(request("GET", address).read())
        else:
            content = json.loads(Path(address or _OWN_STORE).read_text(encoding="utf-8"))
        return [dict(function) for function in content["functions"]]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"cannot read the function store {address}", seen=str(error)) from error


def default_store() -> str:
    """Return the address of the store without ``--url``: ``$OPENFAAS_STORE``, or "" for the lab's own."""
    return os.environ.get("OPENFAAS_STORE", "")


def _functions(arguments: Arguments) -> list[dict[str, Any]]:
    return store_functions(arguments.text("url") or default_store())


def _find(arguments: Arguments) -> dict[str, Any]:
    if not arguments.words:
        raise UsageError("please provide the function name")
    wanted = arguments.words[0]
    for function in _functions(arguments):
        if wanted in (function.get("name"), function.get("title")):
            return function
    raise StoreError(
        f"function '{wanted}' not found for platform '{_PLATFORM}'",
        next_step="see what there is: faas-cli store list",
    )


def _image(function: dict[str, Any]) -> str:
    return str((function.get("images") or {}).get(_PLATFORM, ""))


def _list(arguments: Arguments) -> None:
    functions = _functions(arguments)
    if arguments.on("json"):
        say(json.dumps(functions, indent=2))
        return
    lines = ["", "FUNCTION\tAUTHOR\tDESCRIPTION"]
    lines += [f"{f['name']}\t{f.get('author') or 'unknown'}\t{f.get('title', '')}" for f in functions]
    for line in align([*lines, ""]):
        say(line)


def _inspect(arguments: Arguments) -> None:
    function = _find(arguments)
    if arguments.on("json"):
        say(json.dumps(function, indent=2))
        return
    lines = [f"Title:\t{function.get('title', '')}", f"Author:\t{function.get('author') or 'unknown'}"]
    lines += ["Description:\t", *textwrap.wrap(function.get("description", ""), 80), ""]
    lines += [
        f"Image:\t{_image(function)}",
        f"Process:\t{function.get('fprocess', '')}",
        f"Repo URL:\t{function.get('repo_url', '')}",
    ]
    for title in ("Environment", "Labels", "Annotations"):
        if values := function.get(title.lower()):
            lines += [f"{title}:", *(f"- \t{name}:\t{value}" for name, value in values.items()), ""]
    for line in align(lines):
        say(line)


def _deploy(arguments: Arguments) -> None:
    check_modes(arguments)
    function = _find(arguments)
    deployment = Deployment(
        name=arguments.text("name") or function["name"],
        image=_image(function),
        namespace=arguments.text("namespace"),
        fprocess=function.get("fprocess", ""),
        environment={**parse_map(arguments.texts("env"), "env"), **function.get("environment", {})},
        labels={**parse_map(arguments.texts("label"), "label"), **function.get("labels", {})},
        annotations={
            **parse_map(arguments.texts("annotation"), "annotation"),
            **function.get("annotations", {}),
        },
        secrets=arguments.texts("secret"),
        constraints=arguments.texts("constraint"),
        readonly=bool(function.get("readOnlyRootFilesystem")) or arguments.on("readonly"),
    )
    raise_failed({deployment.name: send(Gateway.of(arguments), deployment, arguments)})


_STORE_FLAGS = (
    Flag("platform", "p", _PLATFORM, "Accepted; a process runs on any platform"),
    Flag("url", "u", "", "Another store's URL or file"),
)
_JSON = Flag("json", "j", False, "Print as JSON")

COMMAND = Group(
    short="Ready-made functions: list, inspect and deploy them",
    subcommands={
        "list": Command(
            short="List the store's functions",
            run=_list,
            aliases=("ls",),
            flags=(_JSON, *_STORE_FLAGS, Flag("verbose", "v", True, "Accepted; titles are never cut")),
        ),
        "inspect": Command(
            words="FUNCTION_NAME",
            short="Show the details of one of the store's functions",
            run=_inspect,
            aliases=("describe",),
            flags=(_JSON, *_STORE_FLAGS),
        ),
        "deploy": Command(
            words="FUNCTION_NAME",
            short="Deploy one of the store's functions",
            run=_deploy,
            flags=(GATEWAY, *_STORE_FLAGS, *SEND_FLAGS),
            examples=("faas-cli store deploy figlet", "faas-cli store deploy env --name env2 --env A=b"),
        ),
    },
    examples=("faas-cli store list", "faas-cli store deploy figlet"),
)
