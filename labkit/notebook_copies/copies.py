"""Make and update the learner's copies in a workspace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from labkit.errors import InvalidValueError, LabTimeoutError, WorkspaceError
from labkit.file_lock import file_lock
from labkit.language import language, translated
from labkit.notebook_copies.plan import (
    Comparison,
    CopyAction,
    CopyState,
    as_copy,
    at_start,
    backup_name,
    compare,
    for_fresh_copy,
)
from labkit.pristine_notebooks import notebooks_folder
from labkit.workspace import Workspace
from labkit_services.files.one_step import write_in_one_step

FOLDER = "my-notebooks"
"""Beside the lab's ``.labkit``."""
_FIRST = "00-welcome.ipynb"
_ORIGINALS = ("*/[0-9][0-9]-*.ipynb", "images/*", "*/images/*")
"""What is copied: no file that a run, or an author's experiment, left."""
_GITIGNORE = "# Your own copies. Remove this file to keep them in git.\n*\n"
_LOCK = "notebooks.lock"


def first_notebook() -> str:
    """Return the copy that a learner begins with, in their language."""
    return f"{FOLDER}/{language()}/{_FIRST}"


def copy_path(original: str) -> str | None:
    """Return the path of a notebook's copy; None if it is never copied.

    Args:
        original: ``en/01-sync-vs-async.ipynb``, relative to the originals.
    """
    path = PurePosixPath(original)
    patterns = (each for each in _ORIGINALS if each.count("/") + 1 == len(path.parts))
    return f"{FOLDER}/{path}" if any(map(path.match, patterns)) else None


class CopyStatus(NamedTuple):
    """One notebook: ``path`` is relative to the workspace."""

    path: str
    state: CopyState


class CopyChange(NamedTuple):
    """What was done about one copy.

    Attributes:
        path: The copy's, relative to the workspace.
        action: What was done.
        state: How the copy compared with its original before.
        renamed_to: Path of the learner's earlier copy, or "".
    """

    path: str
    action: CopyAction
    state: CopyState
    renamed_to: str = ""

    @property
    def is_news(self) -> bool:
        """Whether something was done, or there is something to decide."""
        return self.action is not CopyAction.KEEP or self.state is CopyState.OUTDATED

    @property
    def sentence(self) -> str:
        """What was done, for the learner."""
        if self.action is CopyAction.RENAME:
            return translated(f"{self.path}: a fresh copy. Yours is now {self.renamed_to}.")
        if self.action is CopyAction.CREATE:
            return translated(f"{self.path}: created.")
        if self.action is CopyAction.UPDATE:
            return translated(f"{self.path}: updated. You had not changed it.")
        if self.state is CopyState.OUTDATED:
            name = os.path.relpath(self.path, FOLDER).removesuffix(".ipynb")
            return translated(
                f"{self.path}: labkit has a new version of it. Yours is kept. "
                f"For the new one: labkit notebooks copy {name}"
            )
        if self.state is CopyState.CHANGED:
            return translated(f"{self.path}: kept, with your changes.")
        return translated(f"{self.path}: kept. It is a fresh copy already.")


class NotebookCopies:
    """The learner's copies in a workspace's ``my-notebooks``."""

    def __init__(self, workspace: Workspace, originals: Path | None = None) -> None:
        self._workspace = workspace
        self._originals = originals or notebooks_folder()
        self._folder = workspace.root / FOLDER

    def statuses(self) -> list[CopyStatus]:
        """Return the state of every notebook's copy; change nothing."""
        names = [name for name in self._names() if name.endswith(".ipynb")]
        with _as_workspace_error(self._folder):
            return [CopyStatus(f"{FOLDER}/{name}", self._compare(name).state) for name in names]

    def news_of(self, notebook: Path) -> str:
        """Return a sentence if labkit has another version of a changed copy.

        It is "" for any other file.
        """
        # Not the notebook itself: a link in its place is the learner's copy.
        path = notebook.parent.resolve() / notebook.name
        if not path.is_relative_to(self._folder):
            return ""
        name = str(path.relative_to(self._folder))
        if name not in self._names():
            return ""
        found = self._compare(name)
        change = CopyChange(f"{FOLDER}/{name}", at_start(found), found.state)
        return change.sentence if change.action is CopyAction.KEEP and change.is_news else ""

    def update(self) -> list[CopyChange]:
        """Create missing copies, and update those without any work in them.

        Raises:
            WorkspaceError: They can't be written.
        """
        return self._change(self._names(), at_start)

    def fresh(self, names: Sequence[str] = ()) -> list[CopyChange]:
        """Put fresh copies in place; a copy with work in it is renamed.

        Args:
            names: ``01``, ``01-sync-vs-async``, ``en/01`` or a file's path; of
                all languages, unless it names one. None of them: all
                notebooks.

        Raises:
            InvalidValueError: There is no notebook of that name.
            WorkspaceError: They can't be written.
        """
        known = self._names()
        chosen = {found for name in names for found in _matching(name, known)} if names else known
        return self._change(sorted(chosen), for_fresh_copy)

    def _names(self) -> list[str]:
        """Return the originals' paths, relative to their folder."""
        found = {path for pattern in _ORIGINALS for path in self._originals.glob(pattern) if path.is_file()}
        names = (path.relative_to(self._originals) for path in found)
        return sorted(str(name) for name in names if not any(part.startswith(".") for part in name.parts))

    def _compare(self, name: str) -> Comparison:
        path = self._folder / name
        copy = None
        if path.is_file():
            copy = path.read_bytes()
        elif os.path.lexists(path):
            # The learner's, and not to be read: a link to a file that is
            # gone, a folder, a pipe.
            copy = b""
        return compare((self._originals / name).read_bytes(), copy)

    def _change(self, names: Sequence[str], decide: Callable[[Comparison], CopyAction]) -> list[CopyChange]:
        with _as_workspace_error(self._folder), file_lock(self._workspace, _LOCK, "copying the notebooks"):
            if not self._folder.exists():
                self._folder.mkdir()
                (self._folder / ".gitignore").write_text(_GITIGNORE)
            return [self._change_one(name, decide) for name in names]

    def _change_one(self, name: str, decide: Callable[[Comparison], CopyAction]) -> CopyChange:
        before = self._compare(name)
        action = decide(before)
        renamed = ""
        if action is not CopyAction.KEEP:
            copy = self._folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if action is CopyAction.RENAME:
                renamed = f"{FOLDER}/{_rename(copy).relative_to(self._folder)}"
            write_in_one_step(copy, as_copy((self._originals / name).read_bytes()))
        return CopyChange(f"{FOLDER}/{name}", action, before.state, renamed)


def _matching(name: str, known: Sequence[str]) -> list[str]:
    """Return the paths of the notebooks that a learner means by a name."""
    wanted = name.removeprefix("./").removeprefix(f"{FOLDER}/").removeprefix("notebooks/")
    wanted = wanted.removesuffix(".ipynb")
    language, _, stem = wanted.rpartition("/")
    notebooks = [Path(path).with_suffix("") for path in known if path.endswith(".ipynb")]
    found = [
        f"{path}.ipynb"
        for path in notebooks
        if language in ("", str(path.parent))
        # Its number is enough: a name in part is no name.
        and (path.name == stem or (stem.isdigit() and path.name.startswith(f"{stem}-")))
    ]
    if not found:
        raise InvalidValueError(
            "There is no notebook of that name.",
            expected=f"one of: {', '.join(map(str, notebooks))}; or only its number, such as 01",
            seen=repr(name),
        )
    return found


def _rename(copy: Path) -> Path:
    """Give a copy a free name with the time in it; return its new path.

    The name is taken by an empty file first, so that nobody's file of that
    name is replaced.
    """
    while True:
        name = backup_name(copy.name, datetime.now(), lambda name: os.path.lexists(copy.with_name(name)))
        free = copy.with_name(name)
        with suppress(FileExistsError):
            if copy.is_dir() and not copy.is_symlink():
                free.mkdir()  # a folder takes the place of an empty folder only
            else:
                os.close(os.open(free, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            return copy.replace(free)


@contextmanager
def _as_workspace_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except (WorkspaceError, LabTimeoutError):
        raise  # is an OSError, too
    except OSError as error:
        raise WorkspaceError(
            "The notebooks can't be copied into your own folder.",
            expected=f"{folder}: a folder that you can write to",
            seen=f"{error.strerror}: {error.filename or folder}",
            next_step="use another folder: labkit -w FOLDER lab",
        ) from error
