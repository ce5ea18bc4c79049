"""Put files into an image as ``COPY`` and ``ADD`` do."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2b_dockerfile_utils import PatternMatcher

from labkit.openfaas_cli.dockerfile.archive import is_archive, unpack
from labkit.openfaas_cli.dockerfile.chmod import ChangeMode
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.file_tree import FileTree, is_wildcard, patterns
from labkit.openfaas_cli.dockerfile.rooted_path import absolute, below, make_folder
from labkit_services.files.own_file import kind_of
from labkit_services.files.tree_copy import Budget

_INLINE_MODE = 0o644


@dataclass(frozen=True)
class ImageFiles:
    """The files of an image that is being built.

    Attributes:
        root: Folder that is the image's ``/``.
        budget: How much the whole build may write: a few lines that copy one
            stage into the next twice double what there is, again and again.
    """

    root: Path
    budget: Budget

    def start_with(self, files: Path) -> None:
        """Copy another image's files into the folder, which does not exist."""

        def count(_folder: str, names: list[str]) -> list[str]:
            self.budget.take(files, files=len(names))
            return []

        def copy_file(source: str, target: str) -> None:
            self.budget.take(source, size=os.stat(source).st_size)
            shutil.copy2(source, target)

        shutil.copytree(files, self.root, symlinks=True, ignore=count, copy_function=copy_file)


@dataclass(frozen=True)
class Target:
    """Where an instruction copies to, and how.

    Attributes:
        image: The image's files.
        path: The target in the image; with a slash at its end a folder.
        excluded: ``--exclude``, or None.
        change_mode: ``--chmod``, or None.
        unpack: Whether a tar archive is unpacked.
    """

    image: ImageFiles
    path: str
    excluded: PatternMatcher | None = None
    change_mode: ChangeMode | None = None
    unpack: bool = False

    @property
    def root(self) -> Path:
        """Folder that is the image's ``/``."""
        return self.image.root

    def for_file(self, name: str) -> Path:
        """Return the place of a file that is not in a copied folder."""
        target = below(self.root, self.path)
        if self.path.endswith("/") or target.is_dir():
            target /= name
        make_folder(self.root, target.parent)
        return target


def copy(tree: FileTree, source: str, target: Target) -> int:
    """Copy what the pattern ``source`` matches; return how many that are."""
    found = tree.find(source)
    for relative in found:
        place = tree.locate(relative)
        name = relative.rpartition("/")[2]
        if not place.exists():  # a link to nothing, which a wildcard matches
            raise tree.not_found(relative)
        if place.is_dir():
            _copy_folder(tree, tree.resolve(relative), target, "")
        elif not _is(target.excluded, name):
            check_is_file(place)
            if target.unpack and is_archive(place):
                unpack(place, target.root, target.path, target.image.budget)
            else:
                _copy_file(place, target.for_file(name), target)
    return len(found)


def copy_with_parents(tree: FileTree, source: str, target: Target) -> int:
    """Copy files with their folders, as ``COPY --parents``.

    The part of ``source`` in front of ``/./`` is left out of the target.
    """
    base, pivot, pattern = source.partition("/./")
    if not pivot:
        base, pattern = "", source
    pattern = absolute("/", pattern)[1:]
    return sum(_copy_below(tree, tree.resolve(each), pattern, target) for each in tree.find(base))


def _copy_below(tree: FileTree, base: str, pattern: str, target: Target) -> int:
    """Copy what ``pattern`` matches in the folder ``base``, with folders."""
    if not pattern:
        return copy(tree, base, target)
    found = []
    if (tree.root / base).is_dir():
        found = list(_below(tree, base, "", patterns([pattern])))
    if not found and not is_wildcard(pattern):
        raise tree.not_found("/".join(filter(None, (base, pattern))))
    for inside in found:
        if _is(target.excluded, inside):
            continue
        place = tree.root / base / inside
        copied = below(target.root, f"{target.path}/{inside}")
        make_folder(target.root, copied.parent)
        if place.is_dir() and not place.is_symlink():
            _make_folder(place, copied, target)
        else:
            _copy_file(place, copied, target)
    return len(found)


def write(name: str, content: str, target: Target) -> None:
    """Write an inline file; its delimiter is its ``name``."""
    place = target.for_file(name)
    _make_way(place)
    place.write_text(content, encoding="utf-8", newline="")
    place.chmod(_INLINE_MODE)
    _change_mode(place, target)


def _is(matcher: PatternMatcher | None, path: str) -> bool:
    return matcher is not None and matcher.matches(path)


def _below(tree: FileTree, base: str, folder: str, matcher: PatternMatcher) -> Iterator[str]:
    """Yield the paths in ``base`` that match, folders before their files."""
    for name in tree.names("/".join(filter(None, (base, folder)))):
        path = f"{folder}/{name}" if folder else name
        if matcher.matches(path):
            yield path
        place = tree.root / base / path
        if place.is_dir() and not place.is_symlink():
            yield from _below(tree, base, path, matcher)


def _copy_folder(tree: FileTree, relative: str, target: Target, inside: str) -> None:
    """Copy what is in a folder.

    ``inside`` is its path below the folder that the instruction names.
    """
    place = tree.root / relative
    copied = below(target.root, target.path) / inside
    if inside and copied.is_symlink():
        raise DockerfileError(f"cannot copy to non-directory: {target.path}/{inside}")
    _make_folder(place, copied, target)
    for name in tree.names(relative):
        path = f"{inside}/{name}" if inside else name
        source = f"{relative}/{name}" if relative else name
        entry = tree.root / source
        if entry.is_dir() and not entry.is_symlink():
            if not _is(target.excluded, path) or _may_be_kept(target.excluded, path):
                _copy_folder(tree, source, target, path)
        elif not _is(target.excluded, path):
            _copy_file(entry, copied / name, target)


def _may_be_kept(excluded: PatternMatcher | None, folder: str) -> bool:
    return excluded is not None and excluded.may_match_under(folder)


def _make_folder(source: Path, copied: Path, target: Target) -> None:
    target.image.budget.take(source.name, files=1)
    if copied.is_dir():
        return  # a folder that exists keeps its mode
    if copied.exists():
        raise DockerfileError(f"cannot copy to non-directory: /{copied.relative_to(target.root)}")
    make_folder(target.root, copied)
    # The owner must be able to fill it, and to delete it.
    copied.chmod(stat.S_IMODE(source.stat().st_mode) | stat.S_IRWXU)
    _change_mode(copied, target)


def _copy_file(source: Path, copied: Path, target: Target) -> None:
    if copied.is_dir() and not copied.is_symlink():
        raise DockerfileError(f"cannot replace to directory /{copied.relative_to(target.root)} with file")
    target.image.budget.take(source.name, files=1, size=source.lstat().st_size)
    if source.is_symlink():
        _make_way(copied)
        copied.symlink_to(os.readlink(source))
    else:
        check_is_file(source)
        _make_way(copied)
        shutil.copy2(source, copied)
        _change_mode(copied, target)


def check_is_file(source: Path) -> None:
    """Raise for a pipe, a socket or a device: a copy of it may never end."""
    if not source.is_file():
        kind = kind_of(source.stat().st_mode)
        raise DockerfileError(
            f"cannot copy {source.name}: {kind}", expected="files, folders and links", next_step="remove it"
        )


def _make_way(copied: Path) -> None:
    if copied.is_symlink() or copied.is_file():
        copied.unlink()


def _change_mode(place: Path, target: Target) -> None:
    if target.change_mode:
        mode = stat.S_IMODE(place.stat().st_mode)
        place.chmod(target.change_mode(mode, place.is_dir()))
