"""The files that ``COPY`` and ``ADD`` can see."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2b_dockerfile_utils import PatternMatcher

from labkit.openfaas_cli.dockerfile.error import DockerfileError, SourceNotFoundError
from labkit.openfaas_cli.dockerfile.rooted_path import absolute, below
from labkit_services.files.tree_copy import read_file

_WILDCARD = re.compile(r"[*?[]")
_REPEATED = re.compile(r"(?:\*\*/){2,}")
"""Means what one of them means, but takes far longer to match."""
_STARS = re.compile(r"(\\.)|\*+")


def patterns(lines: Sequence[str]) -> PatternMatcher:
    """Return what matches the lines of a ``.dockerignore``."""
    try:
        with warnings.catch_warnings():
            # "[[]" is what Docker's manual writes for a literal bracket.
            warnings.simplefilter("ignore", FutureWarning)
            return PatternMatcher([_REPEATED.sub("**/", line) for line in lines])
    except ValueError as error:
        raise DockerfileError(str(error).replace("'./", "'")) from error


def is_wildcard(path: str) -> bool:
    """Whether a path of ``COPY`` is a pattern, which need not match."""
    return _WILDCARD.search(path) is not None


def _fixed_part(pattern: str) -> str:
    """Return the folders in front of the first wildcard."""
    return _WILDCARD.split(pattern)[0].rpartition("/")[0]


def _no_folder(folder: str) -> SourceNotFoundError:
    return SourceNotFoundError(
        f"lstat /{folder}: no such file or directory",
        next_step="create the folder with a file that matches, or correct the pattern",
    )


@dataclass(frozen=True)
class FileTree:
    """A build context, or the files of a stage or an image.

    Attributes:
        root: Folder that is ``/`` for paths in the tree.
        ignored: Files that are treated as if they did not exist.
        ignore_file: The file that lists them, or "".
        is_complete: Whether a file that is not there does not exist.
        used: The paths that ``find`` has returned.
    """

    root: Path
    ignored: PatternMatcher | None = None
    ignore_file: str = ""
    is_complete: bool = True
    used: set[str] = field(default_factory=set)

    def find(self, pattern: str) -> Sequence[str]:
        """Return the paths that ``pattern`` matches, relative to the root.

        As in BuildKit, ``..`` stops at the root, and only a pattern without
        wildcards has to match; a folder matches, and not what is in it.

        Raises:
            SourceNotFoundError: There is no such file.
        """
        relative = absolute("/", pattern)[1:]
        found = [relative]
        if is_wildcard(relative):
            folder = _fixed_part(relative)
            if folder and not (self.exists(folder) and self.locate(folder).is_dir()):
                raise _no_folder(folder)
            # Unlike in .dockerignore, "**" is "*" here, and "!" is itself.
            matcher = patterns(["./" + _STARS.sub(lambda match: match[1] or "*", relative)])
            found = list(self._matching(folder, matcher))
        elif not self.exists(relative):
            raise self.not_found(relative)
        self.used.update(found)
        return found

    def check_used(self, pattern: str) -> None:
        """Raise if BuildKit would not have the folder of ``pattern`` either.

        It sends only the files of a build context that the Dockerfile names,
        so without a match, and without another ``COPY`` from it, the folder
        of ``lib/*.txt`` does not exist.
        """
        folder = _fixed_part(absolute("/", pattern)[1:])
        for path in self.used:
            if path == "" or f"{path}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/"):
                return
        if folder:
            raise _no_folder(folder)

    def not_found(self, relative: str) -> SourceNotFoundError:
        """Return the error for a file that a ``COPY`` names."""
        next_step = "create the file, or correct its path"
        if below(self.root, relative).exists():
            next_step = f"remove what excludes it from {self.ignore_file}"
        return SourceNotFoundError(
            f'failed to compute cache key: "/{relative}": not found', next_step=next_step
        )

    def exists(self, relative: str) -> bool:
        """Whether there is a file or folder that is not ignored."""
        if not self.locate(relative).exists():
            return False
        return not self._is_ignored(relative) or self._has_kept_files(relative)

    def locate(self, relative: str) -> Path:
        """Return the file at a path of the tree, all links resolved."""
        return below(self.root, relative)

    def resolve(self, relative: str) -> str:
        """Return the path without links; the root is ""."""
        path = self.locate(relative).relative_to(self.root).as_posix()
        return "" if path == "." else path

    def names(self, relative: str) -> Iterator[str]:
        """Yield what a folder contains, and is not ignored, by name."""
        for name in sorted(os.listdir(self.locate(relative))):
            path = f"{relative}/{name}" if relative else name
            if not self._is_ignored(path) or self._has_kept_files(path):
                yield name

    def _matching(self, folder: str, matcher: PatternMatcher) -> Iterator[str]:
        for name in self.names(folder):
            path = f"{folder}/{name}" if folder else name
            if matcher.matches(path):
                yield path
            elif self._is_folder(path):
                yield from self._matching(path, matcher)

    def _is_folder(self, path: str) -> bool:
        place = self.root / path
        return place.is_dir() and not place.is_symlink()

    def _is_ignored(self, path: str) -> bool:
        return bool(path and self.ignored and self.ignored.matches(path))

    def _has_kept_files(self, path: str) -> bool:
        """Whether "!" in a ``.dockerignore`` keeps files of a folder."""
        may = self.ignored is not None and self.ignored.may_match_under(path)
        return may and self._is_folder(path) and any(True for _ in self.names(path))


def build_context(root: Path) -> FileTree:
    """Return the files of ``root`` that its ``.dockerignore`` leaves."""
    for name in ("Dockerfile.dockerignore", ".dockerignore"):
        file = root / name
        if file.is_file():
            lines = read_file(file).decode("utf-8-sig", "surrogateescape").split("\n")
            try:
                return FileTree(root, patterns(lines), str(file))
            except DockerfileError as error:
                raise DockerfileError(error.headline, seen=str(file)) from error
    return FileTree(root)
