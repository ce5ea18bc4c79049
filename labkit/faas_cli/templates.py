"""Function templates: those in ``./template``, and the one that comes with the lab."""

from __future__ import annotations

from pathlib import Path

_SHIPPED = Path(__file__).resolve().parent / "template"


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


def _names(root: Path) -> list[str]:
    return [file.parent.name for file in root.glob("*/template.yml")]
