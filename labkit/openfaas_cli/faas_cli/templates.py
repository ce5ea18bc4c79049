"""Function templates: those in ``./template``, and those of the lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labkit.openfaas_cli.go_yaml.decoder import FLAG, TEXT, TEXTS, GoType, unmarshal
from labkit.openfaas_cli.go_yaml.node import GoYamlError
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.files.tree_copy import read_file

LOCAL = Path("template")
_SHIPPED = Path(__file__).resolve().parent / "template"
_BUILD_OPTION = GoType("stack.BuildOption", {"name": TEXT, "packages": TEXTS})
_TEMPLATE = GoType(
    "stack.LanguageTemplate",
    {
        **dict.fromkeys(("language", "fprocess", "welcome_message", "handler_folder"), TEXT),
        "build_options": GoType("[]stack.BuildOption", of=_BUILD_OPTION),
        "mount_ssh": FLAG,
    },
)


class TemplateError(LabError, ValueError):
    """The template cannot be used."""


@dataclass(frozen=True)
class Template:
    """A language's folder, and what its ``template.yml`` says.

    ``handler_folder`` is where a function's files go in it. ``build_options``
    are the packages that an option stands for, by its name.
    """

    folder: Path
    fprocess: str = ""
    welcome_message: str = ""
    handler_folder: str = ""
    build_options: Mapping[str, list[str]] = field(default_factory=dict)


def find_template(language: str) -> Path | None:
    """Return the folder of a language's template, a local one first."""
    return next((root / language for root in (LOCAL, _SHIPPED) if language in _names(root)), None)


def template_names() -> list[str]:
    """Return the languages that have a template."""
    return sorted({*_names(LOCAL), *_names(_SHIPPED)})


def read_template(folder: Path) -> Template:
    """Return the template of a folder.

    Raises:
        TemplateError: With the text of Go for the invalid file.
    """
    try:
        content = unmarshal(read_file(folder / "template.yml"), _TEMPLATE)
    except (OSError, GoYamlError, UnsafePathError) as error:
        seen = error.headline if isinstance(error, LabError) else str(error)
        raise TemplateError(seen) from error
    return Template(
        folder,
        content.get("fprocess", ""),
        content.get("welcome_message", ""),
        content.get("handler_folder", ""),
        {option.get("name", ""): option.get("packages", []) for option in content.get("build_options", [])},
    )


def _names(root: Path) -> list[str]:
    return [file.parent.name for file in root.glob("*/template.yml")]
