"""Function templates: those in ``./template``, and those of the lab."""

from __future__ import annotations

from pathlib import Path

import yaml

from labkit_services.contract.errors import LabError

LOCAL = Path("template")
_SHIPPED = Path(__file__).resolve().parent / "template"


class TemplateError(LabError, ValueError):
    """The template cannot be used."""


def find_template(language: str) -> Path | None:
    """Return the folder of a language's template, a local one first."""
    return next((root / language for root in (LOCAL, _SHIPPED) if language in _names(root)), None)


def template_names() -> list[str]:
    """Return the languages that have a template."""
    return sorted({*_names(LOCAL), *_names(_SHIPPED)})


def template_process(file: Path) -> str:
    """Return the ``fprocess`` of a ``template.yml``, or ""."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
        return str((content or {}).get("fprocess") or "")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
        raise TemplateError(seen=f"{file}: {error}") from error


def _names(root: Path) -> list[str]:
    return [file.parent.name for file in root.glob("*/template.yml")]
