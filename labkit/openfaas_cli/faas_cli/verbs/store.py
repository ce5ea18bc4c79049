"""faas-cli store: ready-made functions."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.arguments import key_values
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import echo, echo_table
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, Group, Verb
from labkit.openfaas_cli.faas_cli.verbs.deploy import SEND_FLAGS, check_modes, deploy, raise_failed
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError

_OWN_STORE = Path(__file__).resolve().parent.parent / "store.json"
_PLATFORM = "x86_64"
"""The platform whose image is used: a process without a container runs on any
machine."""


class StoreError(LabError):
    """The function store cannot be read."""


def store_functions(address: str = "") -> list[dict[str, Any]]:
    """Return the functions of the store at a file or URL."""
    address = address or os.environ.get("OPENFAAS_STORE", "")
    try:
        if address.startswith(("http://", "https://")):
            content = json.loads(request("GET", address).read())
        else:
            content = json.loads(Path(address or _OWN_STORE).read_text(encoding="utf-8"))
        return [dict(function) for function in content["functions"]]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"cannot read the function store {address}", seen=str(error)) from error


def _find(arguments: Arguments) -> dict[str, Any]:
    wanted = arguments.first_word("please provide the function name")
    for function in store_functions(arguments.text("url")):
        if wanted in (function.get("name"), function.get("title")):
            return function
    raise StoreError(
        f"function '{wanted}' not found for platform '{_PLATFORM}'",
        next_step="list its functions with faas-cli store list",
    )


def _image(function: dict[str, Any]) -> str:
    return str((function.get("images") or {}).get(_PLATFORM, ""))


def _list(arguments: Arguments) -> None:
    functions = store_functions(arguments.text("url"))
    if arguments.on("json"):
        echo(json.dumps(functions, indent=2))
        return
    lines = ["", "FUNCTION\tAUTHOR\tDESCRIPTION"]
    lines += [f"{f['name']}\t{f.get('author') or 'unknown'}\t{f.get('title', '')}" for f in functions]
    echo_table([*lines, ""])


def _inspect(arguments: Arguments) -> None:
    function = _find(arguments)
    if arguments.on("json"):
        echo(json.dumps(function, indent=2))
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
    echo_table(lines)


def _deploy(arguments: Arguments) -> None:
    check_modes(arguments)
    function = _find(arguments)
    deployed = StackFunction(
        arguments.text("name") or function["name"],
        image=_image(function),
        namespace=arguments.text("namespace"),
        fprocess=function.get("fprocess", ""),
        environment={**key_values(arguments, "env"), **function.get("environment", {})},
        labels={**key_values(arguments, "label"), **function.get("labels", {})},
        annotations={**key_values(arguments, "annotation"), **function.get("annotations", {})},
        secrets=arguments.texts("secret"),
        constraints=arguments.texts("constraint"),
        readonly_root_filesystem=bool(function.get("readOnlyRootFilesystem")) or arguments.on("readonly"),
    )
    raise_failed({deployed.name: deploy(Gateway.of(arguments), deployed, arguments)})


_STORE_FLAGS = (
    Flag("platform", "p", _PLATFORM, "Accepted; a process runs on any platform"),
    Flag("url", "u", "", "Another store's URL or file"),
)
_JSON = Flag("json", "j", False, "Print as JSON")

COMMAND = Group(
    "Ready-made functions: list, inspect and deploy them",
    {
        "list, ls": Verb(
            "List the store's functions",
            _list,
            flags=(_JSON, *_STORE_FLAGS, Flag("verbose", "v", True, "Accepted; titles are never cut")),
        ),
        "inspect, describe": Verb(
            "Show the details of one of the store's functions",
            _inspect,
            words="FUNCTION_NAME",
            flags=(_JSON, *_STORE_FLAGS),
        ),
        "deploy": Verb(
            "Deploy one of the store's functions",
            _deploy,
            words="FUNCTION_NAME",
            flags=(GATEWAY, *_STORE_FLAGS, *SEND_FLAGS),
            examples=("faas-cli store deploy figlet", "faas-cli store deploy env --name env2 --env A=b"),
        ),
    },
    examples=("faas-cli store list", "faas-cli store deploy figlet"),
)
