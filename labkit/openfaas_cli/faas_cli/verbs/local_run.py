"""faas-cli local-run: build a function and run it without a gateway."""

from __future__ import annotations

import csv
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from labkit.openfaas_cli.faas_cli.image_tag import tagged
from labkit.openfaas_cli.faas_cli.local_function import LocalFunction
from labkit.openfaas_cli.faas_cli.output import echo
from labkit.openfaas_cli.faas_cli.process_build import process_build
from labkit.openfaas_cli.faas_cli.secrets import LOCAL_SECRETS
from labkit.openfaas_cli.faas_cli.stack import StackFunction, full_environment, stack_of
from labkit.openfaas_cli.faas_cli.templates import find_template, read_template
from labkit.openfaas_cli.faas_cli.verb import FILTER, Verb
from labkit.openfaas_cli.faas_cli.verbs import build
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit.workspace import Workspace
from labkit_services.contract.errors import LabError
from labkit_services.contract.names import DEFAULT_NAMESPACE
from labkit_services.images import catalogue
from labkit_services.images.store import Image, ImageStore

_HOST = "127.0.0.1"
_CONTAINER_PORT = "8080"


class LocalRunError(LabError):
    """The function cannot be run here."""


def pairs_of(texts: Sequence[str]) -> dict[str, str]:
    """Parse the values of ``--env``: ``A=1`` or ``A=1,B="x,y"``.

    This is pflag's ``stringToString``.
    """
    pairs = {}
    for text in texts:
        count = text.count("=")
        items = [text.strip('"')] if count == 1 else next(csv.reader([text]), []) if count else [text]
        for item in items:
            name, equals, value = item.partition("=")
            if not equals:
                message = (
                    f'invalid argument "{text}" for "-e, --env" flag: {item} must be formatted as key=value'
                )
                raise UsageError(message)
            pairs[name] = value
    return pairs


def _run(arguments: Arguments) -> None:
    if len(arguments.words) > 1:
        raise UsageError("only one function name is allowed")
    if arguments.on("watch"):
        raise LocalRunError("local-run cannot watch files", next_step="deploy with faas-cli up --watch")
    extra = pairs_of(arguments.texts("env"))
    if arguments.words:
        arguments.set(FILTER, arguments.words[0])
    function = tagged(_function(arguments), arguments)
    if arguments.on("build"):
        if arguments.words:
            echo(f"Building: {function.name}")
        build.run_build(arguments, process_build)
    echo(f"Image: {function.image}")
    local = LocalFunction(
        _image(function),
        _process(function),
        {
            **full_environment(function),
            **extra,
            "OPENFAAS_NAME": function.name,
            "OPENFAAS_NAMESPACE": function.namespace or DEFAULT_NAMESPACE,
            "jwt_auth_local": "true",
        },
        function.limits,
        _secrets(function, check=not arguments.on("print")),
        _port(arguments, extra),
    )
    if not local.is_runnable():
        raise LocalRunError(
            f"unable to find image: {function.image}",
            next_step="build it (without --build=false), or name a command: fprocess in the stack file",
        )
    if arguments.on("print"):
        echo(local.shell_line())
        return
    _check_port(local.port)
    echo(f"Starting local-run for: {function.name} on: http://{_HOST}:{local.port}\n")
    sys.stdout.flush()
    if code := local.run():
        raise LocalRunError(f"exit status {code}")


def _function(arguments: Arguments) -> StackFunction:
    functions = stack_of(arguments).functions
    if not functions:
        raise UsageError("no functions found in the stack file")
    name = arguments.words[0] if arguments.words else next(iter(functions))
    if len(functions) > 1 and not arguments.words:
        raise UsageError(f"give a function name to run: [{' '.join(sorted(functions))}]")
    if name not in functions:
        raise UsageError(f'no functions matching "{name}" in the stack file')
    return functions[name]


def _image(function: StackFunction) -> Image:
    store = ImageStore(Workspace.find().images)
    return store.get(function.image) or catalogue.find(function.image) or Image(function.image)


def _process(function: StackFunction) -> str:
    """Return the command of the stack file, else of the template, or ""."""
    language = function.lang.lower()
    folder = find_template(function.lang) if language not in ("", "dockerfile") else None
    return function.fprocess or (read_template(folder).fprocess if folder else "")


def _secrets(function: StackFunction, *, check: bool) -> Path | None:
    """Return the folder of the secrets, one file each; None without any."""
    if not function.secrets:
        return None
    folder = LOCAL_SECRETS.absolute()
    folder.mkdir(0o700, exist_ok=True)
    missing = [name for name in function.secrets if not (folder / name).exists()]
    if missing and check:
        names = ", ".join(missing)
        raise LocalRunError(f'missing files: create the following secrets ({names}) in: "{folder}"')
    return folder


def _port(arguments: Arguments, extra: dict[str, str]) -> int:
    """Return ``--port``, or a free one for 0.

    With ``--network host`` it is the function's own, the variable ``port``.
    """
    port = arguments.number("port")
    if arguments.text("network") == "host":
        text = extra.get("port", _CONTAINER_PORT)
        if not text.isdecimal():
            raise UsageError(f"the variable port is not a number: {text}")
        port = int(text)
    if not 0 <= port < 1 << 16:
        raise UsageError(f"--port {port} is not a port", expected="0 to 65535")
    if port:
        return port
    with socket.create_server((_HOST, 0)) as server:
        return int(server.getsockname()[1])


def _check_port(port: int) -> None:
    try:
        socket.create_server((_HOST, port)).close()
    except OSError as error:
        raise LocalRunError(
            f"cannot listen on port {port}",
            seen=str(error),
            next_step="choose another one, or any: faas-cli local-run --port 0",
        ) from error


_OWN = (
    Flag("build", "", True, "Build the function first"),
    Flag("env", "e", [], "Environment variable, NAME=VALUE; may be given more than once"),
    Flag("network", "", "", "Accepted; with host, the variable port is the port"),
    Flag("port", "p", 8080, "Port of the function; 0 is any free one"),
    Flag("print", "", False, "Print a command line that runs the function, instead of running it"),
    Flag("watch", "", False, "Not in the lab: use faas-cli up --watch"),
)

COMMAND = Verb(
    "Run a function on a port of this machine, without a gateway",
    _run,
    flags=tuple({flag.name: flag for flag in (*build.FLAGS, *_OWN)}.values()),
    words="[NAME]",
    examples=(
        "faas-cli local-run long-task",
        "faas-cli local-run long-task --port 8081",
        "faas-cli local-run -p 0 -e write_debug=true",
    ),
)
