"""The notebook's folders and copies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from labkit.errors import WorkspaceError
from labkit.lab.arguments import checked
from labkit.lab.methods.parts import LabParts
from labkit.notebook_copies.copies import CopyChange, NotebookCopies
from labkit.views.claims import Claim, ConfirmedClaims, confirmed

_FOLDER_MARK = ".labkit-folder"
"""Marks a folder that ``lab.folder`` made, and so may empty."""


class FreshCopies(tuple[CopyChange, ...]):
    """What ``lab.fresh_copy()`` did, a sentence for each notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(change.sentence for change in self)


class LabNotebook:
    """The notebook's folders and copies."""

    _async: LabParts

    @checked
    def folder(self, name: str) -> Path:
        """Make an empty exercise folder here, and change into it.

        Run again, it empties the folder, and the exercise can be repeated. It
        never empties a folder that it did not make.
        """
        here = Path.cwd()
        target = here if here.name == name and (here / _FOLDER_MARK).exists() else here / name
        if target.exists() and not (target / _FOLDER_MARK).exists() and any(target.iterdir()):
            raise WorkspaceError(
                f"{target} is not an exercise folder",
                expected="no folder of that name, or one that lab.folder made",
                seen="a folder with other files in it",
                next_step="choose another name",
            )
        target.mkdir(exist_ok=True)
        for entry in target.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (target / _FOLDER_MARK).touch()
        os.chdir(target)
        return target

    @checked
    def confirm(self, claims: Mapping[str, Claim]) -> ConfirmedClaims:
        """Return whether claims about what happened hold here.

        Args:
            claims: By their text, whether each holds. A function is called;
                what it can't know of an OpenFaaS elsewhere is marked "not
                available here".

        Raises:
            VerificationError: Some do not hold; it lists all of them.
        """
        return confirmed(claims)

    @checked
    def fresh_copy(self, *names: str) -> FreshCopies:
        """Put fresh copies of notebooks into ``my-notebooks``.

        A copy with your work in it stays, under a new name with the time in
        it. Save the notebook first: only what is in its file can stay. Then,
        in JupyterLab: File, Reload Notebook from Disk.

        Args:
            names: Such as ``01`` or ``en/01-sync-vs-async``; no name means
                every notebook.

        Raises:
            InvalidValueError: There is no notebook of that name.
            WorkspaceError: The copies can't be written.
        """
        return FreshCopies(NotebookCopies(self._async.workspace).fresh(names))
