"""faas-cli new: create a function's folder and its entry in the stack file."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from labkit.openfaas_cli.faas_cli.arguments import resource_sizes
from labkit.openfaas_cli.faas_cli.gateway import choose_url, lab_url, normalise_url
from labkit.openfaas_cli.faas_cli.output import LOGO, blue, echo
from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack
from labkit.openfaas_cli.faas_cli.templates import find_template, template_names
from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY, GATEWAY, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_IGNORED = ("template", "build", ".secrets")
_NOT_COPIED = shutil.ignore_patterns("__pycache__")
"""Compiling all modules of an installation compiles those of the templates,
too."""


class NewFunctionError(LabError, OSError):
    """The function cannot be created."""


def _run(arguments: Arguments) -> None:
    if arguments.on("list"):
        echo("Languages available as templates:")
        for name in template_names():
            echo(f"- {name}")
        echo()
        return
    name, start = _name_and_start(arguments)
    append = bool(arguments.text("append"))
    stack_file = Path(arguments.text("append") or "stack.yaml")
    handler = Path(arguments.text("handler") or name)
    _check_targets(name, handler, stack_file, append=append)
    prefix = (arguments.text("prefix") or os.environ.get("OPENFAAS_PREFIX", "")).strip()
    entry = _entry(name, arguments, handler, f"{prefix}/{name}" if prefix else name)
    try:
        handler.mkdir(mode=0o700, parents=True)
        shutil.copytree(start, handler, ignore=_NOT_COPIED, dirs_exist_ok=True, copy_function=_copy_writable)
        handler.chmod(0o700)  # copytree sets the template's mode
        echo(f"Folder: {handler} created.")
        _ignore_build_folders()
        descriptor = os.open(stack_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(entry if append else _head(arguments.text("gateway")) + entry)
    except OSError as error:
        raise NewFunctionError(f"could not create {error.filename}", seen=str(error)) from error
    if not arguments.on("quiet"):
        sys.stdout.write(blue(LOGO))
    echo(f"\nFunction created in folder: {handler}")
    echo(f"Stack file {'updated' if append else 'written'}: {stack_file}")


def _name_and_start(arguments: Arguments) -> tuple[str, Path]:
    """Return the function's name and the folder that it starts from."""
    language = arguments.text("lang")
    language = "dockerfile" if language == "Dockerfile" else language
    if not language:
        raise UsageError("you must supply a function language with the --lang flag")
    name = arguments.first_word("please provide a name for the function")
    if not _NAME.fullmatch(name):
        raise UsageError("function name can only contain a-z, 0-9 and dashes")
    template = find_template(language)
    if template is None:
        known = ", ".join(template_names())
        raise UsageError(f"{language} is unavailable or not supported", expected=f"one of: {known}")
    return name, template / "function"


def _check_targets(name: str, handler: Path, stack_file: Path, *, append: bool) -> None:
    if append:
        if stack_file.suffix not in (".yml", ".yaml"):
            raise UsageError("when appending to a stack the suffix should be .yml or .yaml")
        try:
            stack = parse_stack(stack_file.read_text(encoding="utf-8"), stack_file.parent)
        except OSError as error:
            raise StackFileError(f"unable to find file: {stack_file} - {error.strerror}") from error
        if name in stack.functions:
            raise StackFileError(
                f"function {name} already exists in {stack_file} file.\n"
                "Cannot have duplicate function names in same yaml file"
            )
    elif stack_file.exists():
        raise StackFileError(
            f'file: {stack_file} already exists. Try "faas-cli new --append {stack_file}" instead'
        )
    if handler.exists():
        raise NewFunctionError(f"folder: {handler} already exists")


def _head(gateway: str) -> str:
    environment = normalise_url(os.environ.get("OPENFAAS_URL") or DEFAULT_GATEWAY)
    # The file outlives the lab, whose port may differ the next time. The
    # default follows the lab.
    if environment == normalise_url(lab_url()):
        environment = ""
    url = choose_url(flag=gateway, stack="", environment=environment, lab=str)
    return f"version: 1.0\nprovider:\n  name: openfaas\n  gateway: {url}\nfunctions:\n"


def _entry(name: str, arguments: Arguments, handler: Path, image: str) -> str:
    lines = [
        f"  {name}:",
        f"    lang: {arguments.text('lang').replace('Dockerfile', 'dockerfile')}",
        f"    handler: {handler if handler.is_absolute() else f'./{handler}'}",
        f"    image: {image}:latest",
    ]
    for kind in ("request", "limit"):
        if sizes := resource_sizes(arguments, kind):
            lines += [f"    {kind}s:", *(f"      {name}: {size}" for name, size in sizes.items())]
    return "\n".join([*lines, "", ""])


def _copy_writable(source: str, target: str) -> None:
    """Copy a file; an executable one stays so, a read-only one does not."""
    shutil.copyfile(source, target)
    if os.access(source, os.X_OK):
        os.chmod(target, 0o700)


def _ignore_build_folders() -> None:
    file = Path(".gitignore")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [name for name in _IGNORED if name not in text.splitlines()]
    if missing:
        start = "\n" if text and not text.endswith("\n") else ""
        with file.open("a", encoding="utf-8") as output:
            output.write(start + "\n".join([*missing, ""]))


COMMAND = Verb(
    "Create a function's folder from a template, and the stack file",
    _run,
    words="FUNCTION_NAME --lang LANGUAGE",
    flags=(
        Flag("append", "a", "", "Append to this stack file instead of writing a new one"),
        Flag("cpu-limit", "", "", "Limit for the CPU"),
        Flag("cpu-request", "", "", "Request for the CPU"),
        GATEWAY,
        Flag("handler", "", "", "Folder that the function is written to"),
        Flag("lang", "", "", "Language or template to use"),
        Flag("list", "", False, "List the available languages"),
        Flag("memory-limit", "", "", "Limit for the memory"),
        Flag("memory-request", "", "", "Request for the memory"),
        Flag("prefix", "p", "", "Prefix of the function's image, such as a user of a registry"),
        Flag("quiet", "q", False, "Print no logo"),
    ),
    examples=(
        "faas-cli new long-task --lang dockerfile --prefix=me",
        "faas-cli new second --lang dockerfile --append stack.yaml",
        "faas-cli new --list",
    ),
)
