"""The stack file ``stack.yaml``, which describes functions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.envsubst import substitute
from labkit.openfaas_cli.faas_cli.go_regexp import RegexpError, compile_go
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.go_yaml.decoder import FLAG, TEXT, TEXT_MAP, TEXTS, GoType, unmarshal
from labkit.openfaas_cli.go_yaml.node import GoYamlError
from labkit.openfaas_cli.pflag import Arguments
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.files.tree_copy import MOST_READ
from labkit_services.files.tree_copy import read_file as read_regular_file

YAML_ERROR = "Error with YAML file\n"
"""The line that precedes the error of a file that cannot be parsed."""
_FROM_SHELL = ("/dev/fd/", "/dev/stdin", "/proc/")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FETCH_SECONDS = 120.0

_RESOURCES = GoType("stack.FunctionResources", {"memory": TEXT, "cpu": TEXT})
_FUNCTION = GoType(
    "stack.Function",
    {
        **dict.fromkeys(("lang", "handler", "image", "fprocess", "namespace", "platforms"), TEXT),
        **dict.fromkeys(("environment", "labels", "annotations", "build_args", "build_secrets"), TEXT_MAP),
        **dict.fromkeys(("secrets", "constraints", "environment_file", "build_options"), TEXTS),
        **dict.fromkeys(("limits", "requests"), _RESOURCES),
        **dict.fromkeys(("skip_build", "readonly_root_filesystem"), FLAG),
    },
)
_TEMPLATE_SOURCE = GoType("stack.TemplateSource", {"name": TEXT, "source": TEXT})
_CONFIGURATION = GoType(
    "stack.StackConfiguration",
    {"templates": GoType("[]stack.TemplateSource", of=_TEMPLATE_SOURCE), "copy": TEXTS},
)
STACK_TYPE = GoType(
    "stack.Services",
    {
        "version": TEXT,
        "provider": GoType("stack.Provider", {"name": TEXT, "gateway": TEXT}),
        "functions": GoType("map[string]stack.Function", of=_FUNCTION),
        "configuration": _CONFIGURATION,
    },
)
_ENVIRONMENT_FILE = GoType("stack.EnvironmentFile", {"environment": TEXT_MAP})


class StackFileError(LabError, ValueError):
    """The stack file cannot be used."""


@dataclass(frozen=True)
class StackFunction:
    """A function as a stack file, flags or the function store describe it.

    ``handler`` is its folder and ``environment_files`` are files, relative to
    the current folder, all as written. ``present`` names the fields that a
    stack file sets, perhaps to nothing.
    """

    name: str
    lang: str = ""
    handler: str = ""
    image: str = ""
    fprocess: str = ""
    namespace: str = ""
    skip_build: bool = False
    readonly_root_filesystem: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_files: list[str] = field(default_factory=list)
    build_args: Mapping[str, str] = field(default_factory=dict)
    build_options: list[str] = field(default_factory=list)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    present: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stack:
    """A stack file's gateway and its selected functions, in their order.

    ``copied`` are the paths that go into every function's build context.
    ``templates`` are the sources of templates, by name.
    """

    gateway: str = ""
    functions: Mapping[str, StackFunction] = field(default_factory=dict)
    copied: list[str] = field(default_factory=list)
    templates: Mapping[str, str] = field(default_factory=dict)


def stack_of(arguments: Arguments) -> Stack:
    """Return the stack that a command line refers to, perhaps an empty one."""
    name = stack_file(arguments)
    if name is None:
        return Stack()
    if _URL.match(name):
        echo(f"Parsed: {name}")
        content = request("GET", name, timeout=_FETCH_SECONDS).read()
    else:
        content = read_file(name)
    stack = parse_stack(content, environment=os.environ if arguments.on("envsubst") else None)
    selected = select(stack.functions, pattern=arguments.text("filter"), regex=arguments.text("regex"))
    return Stack(stack.gateway, selected, stack.copied, stack.templates)


def read_file(name: str) -> bytes:
    """Return a file's content; an error is in the words of Go.

    A pipe is read only if the shell made it, as in ``-f <(envsubst …)``: with
    another the command could wait for ever.
    """
    try:
        if name.startswith(_FROM_SHELL):
            with open(name, "rb") as file:
                return file.read(MOST_READ)
        return read_regular_file(Path(name))
    except UnsafePathError as error:
        raise StackFileError(
            f"open {name}: {error.headline}", expected=error.expected, next_step=error.next_step
        ) from error
    except OSError as error:
        action = "read" if isinstance(error, IsADirectoryError) else "open"
        raise StackFileError(f"{action} {name}: {str(error.strerror).lower()}") from error


def parse_stack(content: bytes | str, *, environment: Mapping[str, str] | None = None) -> Stack:
    """Parse a stack file's content.

    With an ``environment``, its variables are substituted first, in the whole
    file, comments included.

    Raises:
        EnvsubstError: A ``${…}`` is malformed.
        StackFileError: As the real faas-cli reports it.
    """
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
    if environment is not None:
        text = substitute(text, environment)
    try:
        parsed = unmarshal(text.encode("utf-8", "surrogateescape"), STACK_TYPE)
    except GoYamlError as error:
        raise StackFileError(f"{YAML_ERROR}Y{error.headline[1:]}") from error
    provider, configuration = parsed.get("provider", {}), parsed.get("configuration", {})
    if (name := provider.get("name", "")) != "openfaas":
        raise StackFileError(
            f"['openfaas'] is the only valid \"provider.name\" for the OpenFaaS CLI, but you gave: {name}"
        )
    if (version := parsed.get("version", "")) not in ("", "1.0"):
        raise StackFileError(f"[1.0] are the only valid versions for the stack file - found: {version}")
    return Stack(
        provider.get("gateway", ""),
        {name: _function(name, entry) for name, entry in parsed.get("functions", {}).items()},
        configuration.get("copy", []),
        _sources(configuration),
    )


def template_sources(content: bytes) -> dict[str, str]:
    """Return the sources of templates in a file that may be no stack file.

    Raises:
        GoYamlError: The file cannot be read.
    """
    parsed = unmarshal(content, GoType("stack.Configuration", {"configuration": _CONFIGURATION}))
    return _sources(parsed.get("configuration", {}))


def select(
    functions: Mapping[str, StackFunction], *, pattern: str = "", regex: str = ""
) -> dict[str, StackFunction]:
    """Return the functions whose names match wildcard or expression.

    In a wildcard, ``*`` is the only special character.
    """
    if pattern and regex:
        raise StackFileError("pass in a regex or a filter, not both")
    wildcard = ".*".join(map(re.escape, pattern.split("*")))
    try:
        expression = compile_go(regex)
    except RegexpError as error:
        raise StackFileError(str(error)) from error
    selected = {
        name: function
        for name, function in functions.items()
        if (not pattern or re.fullmatch(wildcard, name, re.DOTALL)) and expression.search(name)
    }
    if not selected and (pattern or regex):
        raise StackFileError("no functions matching --filter/--regex were found in the YAML file")
    return selected


def full_environment(function: StackFunction) -> dict[str, str]:
    """Return a function's variables, those of its files included.

    A file's variables replace the function's; a later file's, an earlier's.
    """
    environment = dict(function.environment)
    for name in function.environment_files:
        try:
            content = unmarshal(read_file(name), _ENVIRONMENT_FILE)
        except GoYamlError as error:
            raise StackFileError(error.headline) from error
        environment |= content.get("environment", {})
    return environment


def _sources(configuration: dict[str, Any]) -> dict[str, str]:
    return {source.get("name", ""): source.get("source", "") for source in configuration.get("templates", [])}


def _function(name: str, entry: dict[str, Any]) -> StackFunction:
    present = frozenset(entry)
    entry = {key: value for key, value in entry.items() if key not in ("platforms", "build_secrets")}
    entry["environment_files"] = entry.pop("environment_file", [])
    if entry.get("lang") == "Dockerfile":
        entry["lang"] = "dockerfile"
    for kind in ("limits", "requests"):
        entry[kind] = {resource: size for resource, size in entry.get(kind, {}).items() if size}
    return StackFunction(name, **entry, present=present)
