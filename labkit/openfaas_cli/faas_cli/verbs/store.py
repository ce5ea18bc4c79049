"""faas-cli store: ready-made functions."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.arguments import key_values, parse_pairs
from labkit.openfaas_cli.faas_cli.gateway import Gateway
from labkit.openfaas_cli.faas_cli.go_decode import ListOf, MapOf, Struct, Text, Truth, decode
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import echo, echo_table
from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.verb import GATEWAY, Group, Verb
from labkit.openfaas_cli.faas_cli.verbs.deploy import SEND_FLAGS, check_modes, deploy, raise_failed
from labkit.openfaas_cli.pflag import Arguments, Flag
from labkit_services.contract.errors import LabError

_FUNCTION = (
    go_json.Field("icon", ""),
    *go_json.left_out("author"),
    *(go_json.Field(name, "") for name in ("title", "description", "name", "fprocess", "repo_url")),
    go_json.Field("readOnlyRootFilesystem", False),
    *(go_json.Field(name, None) for name in ("environment", "labels", "annotations", "images")),
)
"""faas-cli's struct ``StoreFunction``."""
_OWN_STORE = Path(__file__).resolve().parent.parent / "store.json"
_PLATFORM = "x86_64"
"""The platform unless one is named: a process without a container runs on any
machine."""
_LONGEST_TITLE = 40

_STRINGS = MapOf(Text())
_FUNCTION_SHAPE = Struct(
    "v2.StoreFunction",
    {
        **dict.fromkeys(("icon", "author", "title", "description", "name"), Text()),
        **dict.fromkeys(("fprocess", "network", "repo_url"), Text()),
        **dict.fromkeys(("images", "environment", "labels", "annotations"), _STRINGS),
        "readOnlyRootFilesystem": Truth(),
    },
)
_STORE_SHAPE = Struct("v2.Store", {"version": Text(), "functions": ListOf(_FUNCTION_SHAPE)})
"""The structs of faas-cli's store (schema/store/v2)."""


class StoreError(LabError):
    """The function store cannot be read."""


def store_functions(address: str = "") -> list[dict[str, Any]]:
    """Return the functions of the store at a file or URL."""
    address = (address or os.environ.get("OPENFAAS_STORE", "")).rstrip("/")
    try:
        if address.startswith(("http://", "https://")):
            reply = request("GET", address)
            body = reply.read()
            if reply.status != 200:
                raise ValueError(f"unexpected status code: {reply.status}")
        else:
            body = Path(address or _OWN_STORE).read_bytes()
        return list(decode(body, _STORE_SHAPE).get("functions") or [])
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot read result from OpenFaaS store at URL: {address}",
            seen=error.headline if isinstance(error, LabError) else str(error),
        ) from error


def _platform(arguments: Arguments) -> str:
    return arguments.text("platform") or _PLATFORM


def _find(arguments: Arguments) -> dict[str, Any]:
    wanted = arguments.first_word("please provide the function name")
    platform = _platform(arguments)
    for function in store_functions(arguments.text("url")):
        if _image(function, platform) and wanted in (function.get("name"), function.get("title")):
            return function
    raise StoreError(
        f"function '{wanted}' not found for platform '{platform}'",
        next_step="list its functions with faas-cli store list",
    )


def _image(function: dict[str, Any], platform: str) -> str:
    """Return the image for a platform, whose name ignores case, or ""."""
    images = function.get("images") or {}
    return next((str(images[name]) for name in images if name.lower() == platform.lower()), "")


def _list(arguments: Arguments) -> None:
    everything, platform = store_functions(arguments.text("url")), _platform(arguments)
    functions = [function for function in everything if _image(function, platform)]
    if arguments.on("json"):
        echo(go_json.indented([go_json.struct(_FUNCTION, function) for function in functions]))
        return
    if not functions:
        others = ", ".join(dict.fromkeys(name for f in everything for name in f.get("images") or {}))
        echo(f"No functions found in the store for platform '{platform}', try one of the following: {others}")
        return
    lines = ["", "FUNCTION\tAUTHOR\tDESCRIPTION"]
    for function in functions:
        title = str(function.get("title", ""))
        if not arguments.on("verbose") and len(title) > _LONGEST_TITLE:
            title = title[: _LONGEST_TITLE - 3] + "..."
        lines.append(f"{function['name']}\t{function.get('author') or 'unknown'}\t{title}")
    echo_table([*lines, ""])


def _inspect(arguments: Arguments) -> None:
    function = _find(arguments)
    if arguments.on("json"):
        echo(go_json.indented(go_json.struct(_FUNCTION, function)))
        return
    description = textwrap.wrap(
        function.get("description", ""), 80, break_long_words=False, break_on_hyphens=False
    )
    lines = [f"Title:\t{function.get('title', '')}", f"Author:\t{function.get('author', '')}"]
    lines += ["Description:\t", *description, ""]
    lines += [
        f"Image:\t{_image(function, _platform(arguments))}",
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
    environment = {**(function.get("environment") or {}), **parse_pairs(arguments.texts("env"), "env")}
    # The store's labels and annotations come after the flags', so they win
    # (commands/store_deploy.go).
    deployed = StackFunction(
        arguments.text("name") or function["name"],
        image=_image(function, _platform(arguments)),
        namespace=arguments.text("namespace"),
        fprocess=function.get("fprocess", ""),
        environment=environment,
        labels={**key_values(arguments, "label"), **(function.get("labels") or {})},
        annotations={**key_values(arguments, "annotation"), **(function.get("annotations") or {})},
        secrets=arguments.texts("secret"),
        constraints=arguments.texts("constraint"),
        readonly_root_filesystem=bool(function.get("readOnlyRootFilesystem")) or arguments.on("readonly"),
    )
    raise_failed({deployed.name: deploy(Gateway.of(arguments), deployed, arguments)})


_STORE_FLAGS = (
    Flag("platform", "p", _PLATFORM, "Only functions with an image for this platform"),
    Flag("url", "u", "", "Another store's URL or file"),
)
_JSON = Flag("json", "j", False, "Print as JSON")

COMMAND = Group(
    "Ready-made functions: list, inspect and deploy them",
    {
        "list, ls": Verb(
            "List the store's functions",
            _list,
            flags=(_JSON, *_STORE_FLAGS, Flag("verbose", "v", True, "Do not cut long titles")),
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
