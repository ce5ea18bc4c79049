"""faas-cli new: a function's folder and its entry in the stack file."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from labkit.openfaas_cli.faas_cli.command import GATEWAY, Command
from labkit.openfaas_cli.faas_cli.gateway import DEFAULT_GATEWAY, choose_url, lab_state, normalise_url
from labkit.openfaas_cli.faas_cli.output import say, say_logo
from labkit.openfaas_cli.faas_cli.stack import StackFileError, parse_stack
from labkit.openfaas_cli.faas_cli.templates import find_template, template_names
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_IGNORED = ("template", "build", ".secrets")
_NOT_OURS = shutil.ignore_patterns("__pycache__")
"""Whoever compiles all modules of an installation compiles those of the templates, too."""


class NewFunctionError(LabError, OSError):
    """The function cannot be created."""


def _run(arguments: Arguments) -> None:
    if arguments.on("list"):
        say("Languages available as templates:")
        for name in template_names(Path("template")):
            say(f"- {name}")
        say()
        return
    name, template = _checked(arguments)
    addition = arguments.text("append")
    stack_file = Path(addition or "stack.yaml")
    handler = Path(arguments.text("handler") or name)
    _check_places(name, handler, stack_file, append=bool(addition))
    prefix = (arguments.text("prefix") or os.environ.get("OPENFAAS_PREFIX", "")).strip()
    entry = _entry(name, arguments, handler, f"{prefix}/{name}" if prefix else name)
    try:
        handler.mkdir(mode=0o700, parents=True)
        shutil.copytree(template, handler, ignore=_NOT_OURS, dirs_exist_ok=True, copy_function=_copy_writable)
        handler.chmod(0o700)  # copytree gives it the template's mode
        say(f"Folder: {handler} created.")
        _ignore_build_folders()
        descriptor = os.open(stack_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(entry if addition else _head(arguments.text("gateway")) + entry)
    except OSError as error:
        raise NewFunctionError(f"could not create {error.filename}", seen=str(error)) from error
    if not arguments.on("quiet"):
        say_logo()
    say(f"\nFunction created in folder: {handler}")
    say(f"Stack file {'updated' if addition else 'written'}: {stack_file}")


def _checked(arguments: Arguments) -> tuple[str, Path]:
    """Return the function's name and its template's folder."""
    language = arguments.text("lang")
    language = "dockerfile" if language == "Dockerfile" else language
    if not language:
        raise UsageError("you must supply a function language with the --lang flag")
    if not arguments.words:
        raise UsageError("please provide a name for the function")
    name = arguments.words[0]
    if not _NAME.fullmatch(name):
        raise UsageError("function name can only contain a-z, 0-9 and dashes")
    template = find_template(Path("template"), language)
    if template is None:
        raise UsageError(
            f"{language} is unavailable or not supported",
            expected="one of: " + ", ".join(template_names(Path("template"))),
        )
    return name, template


def _check_places(name: str, handler: Path, stack_file: Path, *, append: bool) -> None:
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
    state = lab_state()
    own = normalise_url(state.gateway_url) if state else ""
    environment = normalise_url(os.environ.get("OPENFAAS_URL") or DEFAULT_GATEWAY)
    # The file outlives the lab, whose port may differ the next time. The default follows the lab.
    url = choose_url(flag=gateway, stack="", environment="" if environment == own else environment, lab="")
    return f"version: 1.0\nprovider:\n  name: openfaas\n  gateway: {url}\nfunctions:\n"


def _entry(name: str, arguments: Arguments, handler: Path, image: str) -> str:
    lines = [
        f"  {name}:",
        f"    lang: {arguments.text('lang').replace('Dockerfile', 'dockerfile')}",
        f"    handler: {handler if handler.is_absolute() else f'./{handler}'}",
        f"    image: {image}:latest",
    ]
    for section, flags in (("requests", "request"), ("limits", "limit")):
        sizes = [(kind, arguments.text(f"{kind}-{flags}")) for kind in ("cpu", "memory")]
        if any(size for _, size in sizes):
            lines.append(f"    {section}:")
            lines += [f"      {kind}: {size}" for kind, size in sizes if size]
    return "\n".join([*lines, "", ""])


def _copy_writable(source: str, target: str) -> None:
    """Copy a file's content, and whether it may be executed; not that a package's file is read-only."""
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


COMMAND = Command(
    words="FUNCTION_NAME --lang LANGUAGE",
    short="Create a function's folder from a template, and the stack file",
    run=_run,
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
        Flag("quiet", "q", False, "Leave out logo and notes"),
    ),
    examples=(
        "faas-cli new long-task --lang dockerfile --prefix=me",
        "faas-cli new second --lang dockerfile --append stack.yaml",
        "faas-cli new --list",
    ),
)
