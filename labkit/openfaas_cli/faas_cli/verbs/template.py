"""faas-cli template: fetch and list the templates of new functions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli import go_json
from labkit.openfaas_cli.faas_cli.go_decode import ListOf, Struct, Text, Truth, decode
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import echo, echo_table, warn
from labkit.openfaas_cli.faas_cli.stack import Stack, StackFileError, read_file, template_sources
from labkit.openfaas_cli.faas_cli.stack_file import stack_file
from labkit.openfaas_cli.faas_cli.template_pull import TemplatePullError, parse_source, pull
from labkit.openfaas_cli.faas_cli.templates import LOCAL, find_template
from labkit.openfaas_cli.faas_cli.verb import Group, Verb
from labkit.openfaas_cli.go_yaml.node import GoYamlError
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_REPOSITORY = "https://github.com/openfaas/templates.git"
_STORE = "https://raw.githubusercontent.com/openfaas/store/master/templates.json"
_SEE_LIST = "check available ones by running the command:\n\nfaas-cli template store list"
_TIMEOUT_SECONDS = 5.0
_TEMPLATE = (
    *(
        go_json.Field(name, "")
        for name in ("template", "platform", "language", "source", "description", "repo", "official")
    ),
    go_json.Field("recommended", False),
)
"""faas-cli's struct ``TemplateInfo``."""
_TEMPLATES = ListOf(
    Struct(
        "commands.TemplateInfo",
        {field.name: Truth() if field.zero is False else Text() for field in _TEMPLATE},
    )
)


class TemplateStoreError(LabError):
    """The template store cannot be read."""


def _pull(arguments: Arguments) -> None:
    if arguments.words == ["stack"]:
        _pull_stack(arguments)
        return
    address = arguments.words[0] if arguments.words else ""
    source = address or os.environ.get("OPENFAAS_TEMPLATE_URL") or _REPOSITORY
    _pull_from(source, overwrite=arguments.on("overwrite"))


def _pull_from(address: str, *, overwrite: bool, only: str = "") -> None:
    source = parse_source(address)
    shown = source.repository + (f" [{source.ref}]" if source.ref else "")
    warn(f"{datetime.now():%Y/%m/%d %H:%M:%S} Fetching templates from {shown}")
    names = pull(source, LOCAL, overwrite=overwrite, only=only)
    echo(f"Wrote {len(names)} template(s) : [{' '.join(names)}]")


def pull_missing_templates(stack: Stack, arguments: Arguments) -> None:
    """Pull the templates of ``configuration: templates:`` that are missing."""
    missing = {name: source for name, source in stack.templates.items() if not find_template(name)}
    try:
        _pull_templates(missing, arguments, overwrite=False)
    except LabError as error:
        error.headline = f"could not pull templates from function yaml file: {error.headline}"
        raise


def _pull_stack(arguments: Arguments) -> None:
    """Pull all templates of ``configuration: templates:``."""
    name = stack_file(arguments) or ""
    try:
        templates = template_sources(read_file(name))
    except StackFileError as error:
        raise TemplatePullError(f"can't read file {name}, error: {error.headline}") from error
    except GoYamlError as error:
        raise TemplatePullError(f"can't read: {error.headline}") from error
    if not templates:
        raise TemplatePullError("can't read configuration: no template repos currently configured")
    _pull_templates(templates, arguments, overwrite=arguments.on("overwrite"))


def _pull_templates(templates: Mapping[str, str], arguments: Arguments, *, overwrite: bool) -> None:
    """Pull templates by name; one without a source is in the store."""
    for name, source in templates.items():
        echo(f"Pulling template: {name} from configuration file: {stack_file(arguments)}")
        only, _, _ = name.partition("@")
        _pull_from(source or _store_repository(name), overwrite=overwrite, only=only)


def _store_templates(url: str = "") -> list[dict[str, Any]]:
    """Return the templates of the store at a URL or in a file."""
    address = url or os.environ.get("OPENFAAS_TEMPLATE_STORE_URL") or _STORE
    try:
        if address.startswith(("http://", "https://")):
            reply = request("GET", address, timeout=_TIMEOUT_SECONDS)
            body = reply.read()
            if reply.status != 200:
                raise ValueError(f"unexpected status code wanted: 200 got: {reply.status}")
        else:
            body = Path(address).read_bytes()
        templates = [go_json.struct(_TEMPLATE, template) for template in decode(body, _TEMPLATES) or []]
        return sorted(
            templates, key=lambda each: (not each["recommended"], each["official"], each["template"].lower())
        )
    except (OSError, ValueError) as error:
        raise TemplateStoreError(
            f"error while getting templates info: cannot read templates info from: {address}",
            seen=error.headline if isinstance(error, LabError) else str(error),
            next_step="without the internet: list the templates on this machine with faas-cli new --list",
        ) from error


def _store_list(arguments: Arguments) -> None:
    platform = arguments.text("platform").lower()
    templates = [
        each for each in _store_templates(arguments.text("url")) if each["platform"].lower() == platform
    ]
    if arguments.on("recommended"):
        templates = [each for each in templates if each["recommended"]]
    elif arguments.on("official"):
        templates = [each for each in templates if each["official"] == "true"]
    if arguments.on("json"):
        echo(go_json.indented(templates))
        return
    if not templates:
        return
    # Without --verbose, the real one exchanges two of the headings.
    if arguments.on("verbose"):
        lines, more = ["NAME\tRECOMMENDED\tSOURCE\tDESCRIPTION\tLANGUAGE\tPLATFORM"], ["language", "platform"]
    else:
        lines, more = ["NAME\tRECOMMENDED\tDESCRIPTION\tSOURCE"], []
    for item in templates:
        cells = item | {"recommended": _check_mark(item["recommended"])}
        columns = ["template", "recommended", "source", "description", *more]
        lines.append("\t".join(cells[column] for column in columns))
    echo_table(["", *lines, ""])


def _store_describe(arguments: Arguments) -> None:
    if len(arguments.words) != 1:
        which = "single template from the store" if arguments.words else "one of the store templates"
        raise UsageError(f"\nNeed to specify {which}, {_SEE_LIST}\n")
    item = _find(arguments.words[0], arguments.text("url"))
    if item is None:
        raise TemplateStoreError(
            "error while searching for template in store: "
            f"template with name: `{arguments.words[0]}` does not exist in the store"
        )
    if arguments.on("json"):
        echo(go_json.indented(item))
        return
    shown = [
        *(("Name", item["template"]), ("Description", item["description"]), ("Language", item["language"])),
        *(("Source", item["source"]), ("Repository", item["repo"]), ("Platform", item["platform"])),
        *(
            ("Official", _check_mark(item["official"] == "true")),
            ("Recommended", _check_mark(item["recommended"])),
        ),
    ]
    echo_table(["", *(f"{title}:\t{value}" for title, value in shown), ""])


def _check_mark(on: bool) -> str:
    return "[x]" if on else "[ ]"


def _find(wanted: str, url: str) -> dict[str, Any] | None:
    for item in _store_templates(url):
        if wanted in (item["template"], f"{item['source']}/{item['template']}"):
            return item
    return None


def _store_pull(arguments: Arguments) -> None:
    if len(arguments.words) != 1:
        which = "single template from the store" if arguments.words else "one of the store templates"
        raise UsageError(f"need to specify {which}, {_SEE_LIST}")
    source = _store_repository(arguments.words[0], arguments.text("url"))
    _pull_from(source, overwrite=arguments.on("overwrite"))


def _store_repository(name: str, url: str = "") -> str:
    """Return the repository of a store's template ``NAME[@REF]``."""
    wanted, _, ref = name.partition("@")
    item = _find(wanted, url)
    if item is None:
        raise TemplateStoreError(f"template with name: `{wanted}` does not exist in the repo")
    return f"{item['repo']}{f'#{ref}' if ref else ''}"


_OVERWRITE = Flag("overwrite", "", False, "Overwrite existing templates")
_URL = Flag("url", "u", "", "Another template store's URL or file")

COMMAND = Group(
    "Templates that new functions start from: fetch and list them",
    {
        "pull": Verb(
            "Copy the templates of a git repository into ./template",
            _pull,
            words="[REPOSITORY[#REF] | stack]",
            flags=(_OVERWRITE, Flag("debug", "", False, "Accepted; an error of git is always printed")),
            examples=("faas-cli template pull ../my-templates", f"faas-cli template pull {_REPOSITORY}#1.0"),
        ),
        "store": Group(
            "The list of templates that OpenFaaS keeps online",
            {
                "list, ls": Verb(
                    "List the store's templates",
                    _store_list,
                    flags=(
                        _URL,
                        Flag("json", "j", False, "Print the templates as JSON"),
                        Flag("official", "o", False, "Only official templates"),
                        Flag("platform", "p", "x86_64", "Only templates for this platform"),
                        Flag("recommended", "r", False, "Only recommended templates"),
                        Flag("verbose", "v", False, "Print language and platform too"),
                    ),
                    examples=("faas-cli template store list --recommended",),
                ),
                "describe": Verb(
                    "Show the details of one of the store's templates",
                    _store_describe,
                    words="TEMPLATE_NAME",
                    flags=(_URL, Flag("json", "j", False, "Print as JSON")),
                ),
                "pull": Verb(
                    "Copy one of the store's templates into ./template",
                    _store_pull,
                    words="TEMPLATE_NAME",
                    flags=(_URL, _OVERWRITE),
                ),
            },
        ),
    },
)
