"""faas-cli new: create a function's folder and its entry in the stack file."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from labkit.openfaas_cli.faas_cli.arguments import resource_sizes
from labkit.openfaas_cli.faas_cli.build_context import inside
from labkit.openfaas_cli.faas_cli.gateway import choose_url, lab_url, normalise_url
from labkit.openfaas_cli.faas_cli.output import LOGO, blue, echo
from labkit.openfaas_cli.faas_cli.stack import YAML_ERROR, StackFileError, parse_stack, read_file
from labkit.openfaas_cli.faas_cli.stack_append import appended
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.faas_cli.templates import (
    Template,
    TemplateError,
    find_template,
    read_template,
    template_names,
)
from labkit.openfaas_cli.faas_cli.verb import DEFAULT_GATEWAY, GATEWAY, Verb
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError
from labkit_services.files.rooted_path import check_written
from labkit_services.files.tree_copy import TreeCopy
from labkit_services.files.tree_copy import read_file as read_file_only

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_IGNORED = ("template", "build", ".secrets")
_NOT_COPIED = ("__pycache__",)
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
    chosen = _name_and_template(arguments)
    if chosen is None:
        from labkit.openfaas_cli.faas_cli.help import help_text  # few runs need it

        sys.stdout.write(help_text(["faas-cli", "new"], COMMAND))
        return
    name, template = chosen
    appended_file = arguments.text("append")
    file_name = appended_file or stack_file(arguments) or "stack.yaml"
    handler = arguments.text("handler") or name
    prefix = (arguments.text("prefix") or os.environ.get("OPENFAAS_PREFIX", "")).strip()
    content = _entry(name, arguments, handler, f"{prefix}/{name}" if prefix else name)
    if appended_file:
        content = _with_entry(appended_file, name, content)
    else:
        content = _head(arguments.text("gateway")) + content
    if Path(handler).exists():
        raise NewFunctionError(f"folder: {handler} already exists")
    if not appended_file and os.path.lexists(file_name):
        raise StackFileError(
            f'file: {file_name} already exists. Try "faas-cli new --append {file_name}" instead'
        )
    _create_folder(handler, template)
    sys.stdout.write(blue(LOGO))
    echo(f"\nFunction created in folder: {handler}")
    _write(file_name, content)
    echo(f"Stack file {'updated' if appended_file else 'written'}: {file_name}")
    if template.welcome_message and not arguments.on("quiet"):
        echo(f"\nNotes:\n{template.welcome_message}")


def _name_and_template(arguments: Arguments) -> tuple[str, Template] | None:
    """Return what to create, None if the command line names nothing."""
    language = arguments.text("lang")
    language = "dockerfile" if language == "Dockerfile" else language
    if not language and not arguments.words:
        return None
    if not language:
        raise UsageError("you must supply a function language with the --lang flag")
    name = arguments.first_word("please provide a name for the function")
    if not _NAME.fullmatch(name):
        raise UsageError("function name can only contain a-z, 0-9 and dashes")
    folder = find_template(language)
    try:
        if folder is not None:
            return name, read_template(folder)
    except TemplateError:
        pass  # as in the real one, an invalid template is none
    raise UsageError(f'template: "{language}" was not found in the templates folder or in the store')


def _with_entry(file_name: str, name: str, entry: str) -> str:
    """Return the content of an existing stack file with one more function."""
    if not file_name.endswith((".yml", ".yaml")):
        raise UsageError("when appending to a stack the suffix should be .yml or .yaml")
    if not Path(file_name).exists():
        missing = f"stat {file_name}: no such file or directory"
        raise StackFileError(f"unable to find file: {file_name} - {missing}")
    check_written(Path(file_name))
    text = read_file(file_name).decode("utf-8", "surrogateescape")
    try:
        stack = parse_stack(text, environment=os.environ)
    except LabError as error:
        start = YAML_ERROR if error.headline.startswith(YAML_ERROR) else ""
        raise StackFileError(f"{start}Error parsing {file_name} yml file") from error
    if name in stack.functions:
        raise StackFileError(
            f"\nFunction {name} already exists in {file_name} file. \n"
            "Cannot have duplicate function names in same yaml file"
        )
    return appended(text, name, entry, os.environ)


def _create_folder(handler: str, template: Template) -> None:
    """Write the function's folder from the template, and ``.gitignore``."""
    folder = Path(handler)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        problem = f"mkdir {handler}: {str(error.strerror).lower()}"
        raise NewFunctionError(f"folder: could not create {handler} : {problem}") from error
    echo(f"Folder: {handler} created.")
    start = inside(template.folder, template.handler_folder or "function")
    try:
        _ignore_build_folders()
        if start.is_dir():
            TreeCopy(template.folder, skipped=_NOT_COPIED).copy(start, folder)
    except OSError as error:
        raise NewFunctionError(f"could not create {error.filename}", seen=str(error)) from error


def _write(file_name: str, content: str) -> None:
    """Write a stack file; a new one is the user's only."""
    try:
        descriptor = os.open(file_name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
    except OSError as error:
        problem = f"open {file_name}: {str(error.strerror).lower()}"
        raise NewFunctionError(f"could not open file '{file_name}' {problem}") from error


def _head(gateway: str) -> str:
    environment = normalise_url(os.environ.get("OPENFAAS_URL") or DEFAULT_GATEWAY)
    # The file outlives the lab, whose port may differ the next time. The
    # default follows the lab.
    if environment == normalise_url(lab_url()):
        environment = ""
    url = choose_url(flag=gateway, stack="", environment=environment, lab=str)
    return f"version: 1.0\nprovider:\n  name: openfaas\n  gateway: {url}\nfunctions:\n"


def _entry(name: str, arguments: Arguments, handler: str, image: str) -> str:
    lines = [
        f"  {name}:",
        f"    lang: {arguments.text('lang').replace('Dockerfile', 'dockerfile')}",
        f"    handler: {handler if os.path.isabs(handler) else f'./{handler}'}",
        f"    image: {image}:latest",
    ]
    for kind in ("request", "limit"):
        if sizes := resource_sizes(arguments, kind):
            lines += [f"    {kind}s:", *(f"      {name}: {size}" for name, size in sizes.items())]
    return "\n".join([*lines, "", ""])


def _ignore_build_folders() -> None:
    """Add what is missing; empty lines at both ends go, as in the real one."""
    file = Path(".gitignore")
    check_written(file)
    text = read_file_only(file).decode("utf-8", "surrogateescape") if file.exists() else ""
    missing = [name for name in _IGNORED if name not in text.splitlines()]
    lines = "\n".join([*text.split("\n"), *missing]).strip("\n")
    file.write_bytes(f"{lines}\n".encode("utf-8", "surrogateescape"))


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
        Flag("quiet", "q", False, "Do not print the template's notes"),
    ),
    examples=(
        "faas-cli new long-task --lang dockerfile --prefix=me",
        "faas-cli new second --lang dockerfile --append stack.yaml",
        "faas-cli new --list",
    ),
)
