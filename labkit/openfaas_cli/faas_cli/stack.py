"""The stack file ``stack.yaml``, which describes functions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.pflag import Arguments
from labkit_services.contract.errors import LabError

_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?)([-=])([^}]*))?\}")
_TRUE = frozenset({"true", "yes", "on", "1"})


class StackFileError(LabError, ValueError):
    """The stack file cannot be used."""


@dataclass(frozen=True)
class StackFunction:
    """A function as a stack file, flags or the function store describe it."""

    name: str
    lang: str = ""
    handler: Path = Path()
    image: str = ""
    fprocess: str = ""
    namespace: str = ""
    skip_build: bool = False
    readonly_root_filesystem: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stack:
    """A stack file's gateway and its selected functions, in their order."""

    gateway: str = ""
    functions: Mapping[str, StackFunction] = field(default_factory=dict)


def stack_of(arguments: Arguments) -> Stack:
    """Return the stack that a command line refers to, perhaps an empty one."""
    name = stack_file(arguments)
    if name is None:
        return Stack()
    file = Path(name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(f"cannot read the stack file {file}", seen=str(error)) from error
    if arguments.on("envsubst"):
        text = substitute(text, os.environ)
    stack = parse_stack(text, file.parent)
    selected = select(stack.functions, pattern=arguments.text("filter"), regex=arguments.text("regex"))
    return Stack(stack.gateway, selected)


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``${NAME}``, ``${NAME:-default}`` and ``$$``.

    As in a shell, the default of ``:-`` also replaces an empty value, that of
    ``-`` does not.
    """

    def value(match: re.Match[str]) -> str:
        name, colon, operator, default = match.groups()
        if name is None:
            return "$"
        found = environment.get(name)
        missing = found is None or (colon == ":" and not found)
        return (default if operator else "") if missing else str(found)

    return _VARIABLE.sub(value, text)


def parse_stack(text: str, folder: Path) -> Stack:
    """Parse a stack file's text; handlers are relative to ``folder``."""
    try:
        # Every scalar as text: `environment: {retries: 5}` means "5", as in
        # Go.
        content = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - creates only text
    except yaml.YAMLError as error:
        raise StackFileError("error with YAML file", seen=" ".join(str(error).split())) from error
    content = _mapping(content, "the stack file")
    provider = _mapping(content.get("provider") or {}, "provider")
    if (name := provider.get("name", "openfaas")) != "openfaas":
        raise StackFileError(
            f"['openfaas'] is the only valid \"provider.name\" for the OpenFaaS CLI, but you gave: {name}"
        )
    if (version := content.get("version", "1.0")) != "1.0":
        raise StackFileError(f"['1.0'] are the only valid versions for the stack file - found: {version}")
    functions = _mapping(content.get("functions") or {}, "functions")
    return Stack(
        provider.get("gateway", ""),
        {name: _function(name, _mapping(entry, name), folder) for name, entry in functions.items()},
    )


def select(
    functions: Mapping[str, StackFunction], *, pattern: str = "", regex: str = ""
) -> dict[str, StackFunction]:
    """Return the functions whose names match wildcard or expression."""
    if pattern and regex:
        raise StackFileError("pass in a regex or a filter, not both")
    try:
        selected = {
            name: function
            for name, function in functions.items()
            if (not pattern or fnmatchcase(name, pattern)) and (not regex or re.search(regex, name))
        }
    except re.error as error:
        raise StackFileError(f"--regex {regex!r} is not a regular expression", seen=str(error)) from error
    if not selected and (pattern or regex):
        raise StackFileError("no functions matching --filter/--regex were found in the YAML file")
    return selected


def _function(name: str, entry: Mapping[str, Any], folder: Path) -> StackFunction:
    environment = _map(entry, "environment")
    for file in _texts(entry, "environment_file"):
        environment = environment | _environment_file(folder / file)
    return StackFunction(
        name=name,
        lang="dockerfile" if entry.get("lang") == "Dockerfile" else entry.get("lang", ""),
        handler=folder / entry.get("handler", name),
        image=entry.get("image", ""),
        fprocess=entry.get("fprocess", ""),
        namespace=entry.get("namespace", ""),
        skip_build=_is_true(entry, "skip_build"),
        readonly_root_filesystem=_is_true(entry, "readonly_root_filesystem"),
        environment=environment,
        build_args=_map(entry, "build_args"),
        labels=_map(entry, "labels"),
        annotations=_map(entry, "annotations"),
        limits=_map(entry, "limits"),
        requests=_map(entry, "requests"),
        secrets=_texts(entry, "secrets"),
        constraints=_texts(entry, "constraints"),
    )


def _environment_file(file: Path) -> dict[str, str]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackFileError(f"cannot read the environment_file {file}", seen=str(error)) from error
    return _map(_mapping(content, str(file)), "environment")


def _is_true(entry: Mapping[str, Any], key: str) -> bool:
    return str(entry.get(key, "")).lower() in _TRUE


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StackFileError(f"{what} is not a mapping of names to values", seen=repr(value)[:80])
    return value


def _map(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    values = _mapping(entry.get(key) or {}, key)
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise StackFileError(f"{key}.{wrong[0]} is not text", seen=repr(values[wrong[0]])[:80])
    return values


def _texts(entry: Mapping[str, Any], key: str) -> list[str]:
    values = entry.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise StackFileError(f"{key} is not a list of names", seen=repr(values)[:80])
    return values
