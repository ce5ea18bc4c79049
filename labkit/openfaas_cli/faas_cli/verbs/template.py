"""faas-cli template: what new functions start from."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.openfaas_cli.faas_cli.command import Command, Group
from labkit.openfaas_cli.faas_cli.http import request
from labkit.openfaas_cli.faas_cli.output import align, say, warn
from labkit.openfaas_cli.faas_cli.template_pull import parse_source, pull
from labkit.openfaas_cli.pflag import Arguments, Flag, UsageError
from labkit_services.contract.errors import LabError

_TEMPLATES = Path("template")
_REPOSITORY = "https://github.com/openfaas/templates.git"
_STORE = "https://raw.githubusercontent.com/openfaas/store/master/templates.json"
_STORE_SECONDS = 5.0


class TemplateStoreError(LabError):
    """The template store cannot be read."""


def _pull(arguments: Arguments) -> None:
    given = arguments.words[0] if arguments.words else ""
    _pull_from(given or os.environ.get("OPENFAAS_TEMPLATE_URL") or _REPOSITORY, arguments)


def _pull_from(address: str, arguments: Arguments) -> None:
    source = parse_source(address)
    shown = source.repository + (f" [{source.ref}]" if source.ref else "")
    warn(f"{datetime.now():%Y/%m/%d %H:%M:%S} Fetching templates from {shown}")
    names = pull(source, _TEMPLATES, overwrite=arguments.on("overwrite"))
    say(f"Wrote {len(names)} template(s) : [{' '.join(names)}]")


def _store(arguments: Arguments) -> list[dict[str, Any]]:
    """Return the store's templates: those of ``--url``, a file or URL, or of OpenFaaS.

    Raises:
        TemplateStoreError: It cannot be read, or holds something else.
    """
    address = arguments.text("url") or os.environ.get("OPENFAAS_TEMPLATE_STORE_URL") or _STORE
    try:
        if address.startswith(("http://", "https://")):
            response = request("GET", address, timeout=_STORE_SECONDS)
            body = response.read()
            if response.status != 200:
                raise TemplateStoreError(
                    "error while getting templates info: "
                    f"unexpected status code wanted: 200 got: {response.status}"
                )
        else:
            body = Path(address).read_bytes()
        templates = [dict(template) for template in json.loads(body)]
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise TemplateStoreError(
            f"error while getting templates info: cannot read templates info from: {address}",
            seen=error.headline if isinstance(error, LabError) else str(error),
            next_step="without the internet: see the templates that are here with faas-cli new --list",
        ) from error
    return sorted(
        templates, key=lambda item: (not item.get("recommended"), str(item.get("template")).lower())
    )


def _store_list(arguments: Arguments) -> None:
    platform = arguments.text("platform").lower()
    templates = [item for item in _store(arguments) if str(item.get("platform", "")).lower() == platform]
    if not templates:
        return
    if arguments.on("verbose"):
        columns = ("template", "language", "platform", "source", "description")
        lines = ["NAME\tLANGUAGE\tPLATFORM\tSOURCE\tDESCRIPTION"]
        lines += ["\t".join(str(item.get(column, "")) for column in columns) for item in templates]
    else:
        lines = ["NAME\tRECOMMENDED\tSOURCE\tDESCRIPTION"]
        for item in templates:
            tick = "[x]" if item.get("recommended") else "[ ]"
            cells = [item.get("template"), tick, item.get("source"), item.get("description")]
            lines.append("\t".join(str(cell or "") for cell in cells))
    for line in align(["", *lines, ""]):
        say(line)


def _store_pull(arguments: Arguments) -> None:
    if len(arguments.words) != 1:
        raise UsageError(
            "need to specify one of the store templates", expected="see faas-cli template store list"
        )
    wanted, _, ref = arguments.words[0].partition("@")
    for item in _store(arguments):
        if wanted in (item.get("template"), f"{item.get('source')}/{item.get('template')}"):
            _pull_from(f"{item.get('repo', '')}{f'#{ref}' if ref else ''}", arguments)
            return
    raise TemplateStoreError(f"template with name: `{wanted}` does not exist in the repo")


_OVERWRITE = Flag("overwrite", "", False, "Write over templates that are here already")
_URL = Flag("url", "u", "", "Another template store's URL or file")

COMMAND = Group(
    short="Templates that new functions start from: fetch and list them",
    subcommands={
        "pull": Command(
            words="[REPOSITORY[#REF]]",
            short="Copy the templates of a git repository into ./template",
            run=_pull,
            flags=(_OVERWRITE, Flag("debug", "", False, "Accepted; what git says is shown if it fails")),
            examples=("faas-cli template pull ../my-templates", f"faas-cli template pull {_REPOSITORY}#1.0"),
        ),
        "store": Group(
            short="The list of templates that OpenFaaS keeps online",
            subcommands={
                "list": Command(
                    short="List the store's templates",
                    run=_store_list,
                    aliases=("ls",),
                    flags=(
                        _URL,
                        Flag("platform", "p", "x86_64", "Only templates for this platform"),
                        Flag("verbose", "v", False, "Print language and platform too"),
                    ),
                ),
                "pull": Command(
                    words="TEMPLATE_NAME",
                    short="Copy one of the store's templates into ./template",
                    run=_store_pull,
                    flags=(_URL, _OVERWRITE),
                ),
            },
        ),
    },
)
