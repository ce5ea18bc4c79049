"""Where the notebooks are that labkit ships, as its authors wrote them."""

from __future__ import annotations

from pathlib import Path

from labkit.errors import WorkspaceError

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "notebooks", _PACKAGE.parent / "notebooks")
"""In an installed wheel; in a checkout."""
_LANGUAGE = "en"
"""Each language is a folder; this one always exists."""


def notebooks_folder() -> Path:
    """Return the folder with one folder of notebooks for each language.

    It belongs to the package, so nothing may be written to it.

    Raises:
        WorkspaceError: The installation is incomplete.
    """
    for folder in _FOLDERS:
        if (folder / _LANGUAGE).is_dir():
            return folder
    raise WorkspaceError(
        "labkit's notebooks are missing.",
        expected=f"a folder {_LANGUAGE} in one of: {', '.join(map(str, _FOLDERS))}",
        next_step="install labkit again",
    )
