"""Function templates: those in ``./template``, and those that come with the lab."""

from __future__ import annotations

from pathlib import Path

from labkit_services.contract.errors import LabError

_SHIPPED = Path(__file__).resolve().parent / "template"


class TemplateError(LabError, ValueError):
    """The template cannot be used."""


def find_template(local: Path, language: str) -> Path | None:
    """Return the folder that a new function of that language starts from, or None.

    Args:
        local: The workspace's ``template`` folder, which wins.
        language: Name of a template.
    """
    for root in (local, _SHIPPED):
        if language in _names(root):
            return root / language / "function"
    return None


def template_names(local: Path) -> list[str]:
    """Return the languages there are templates for."""
    return sorted({*_names(local), *_names(_SHIPPED)})


def template_process(file: Path) -> str:
    """Return the ``fprocess`` of a ``template.yml``, or "".

    Raises:
        TemplateError: It cannot be read, or is no template.
    """
    import yaml

    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
        return str((content or {}).get("fprocess") or "")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError) as error:
        raise TemplateError(seen=f"{file}: {error}") from error


def _names(root: Path) -> list[str]:
    return [file.parent.name for file in root.glob("*/template.yml")]
