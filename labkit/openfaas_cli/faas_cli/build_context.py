"""The folder that a function is built from."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from labkit.openfaas_cli.faas_cli.stack import StackFunction
from labkit.openfaas_cli.faas_cli.templates import Template
from labkit_services.contract.errors import LabError
from labkit_services.files.rooted_path import check_inside
from labkit_services.files.tree_copy import TreeCopy

_BUILD_DIR = Path("build")
_HANDLER_FOLDER = "function"
NOT_COPIED = ("build", "template")
"""Entries of a function's folder that are left out, as in the real one."""
_COMPILED = "__pycache__"
"""Installing the lab compiles its own templates, too."""
_PACKAGE = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


class BuildContextError(LabError, OSError):
    """The function's files cannot be copied."""


def create_build_context(function: StackFunction, template: Template, copied: Iterable[str]) -> Path:
    """Write ``./build/NAME``, the folder with the ``Dockerfile``; return it.

    The layout is the real faas-cli's. It is a copy of the template, with the
    function's files in the template's handler folder, over the template's own.
    With ``lang: dockerfile`` it has only the function's files. The paths
    ``copied``, relative to the current folder, are put beside these.
    """
    context = _context_folder(function.name)
    target = context
    if function.lang != "dockerfile":
        target = inside(context, template.handler_folder or _HANDLER_FOLDER)
    handler, project = Path(function.handler), Path()
    own = TreeCopy(*_scope(handler, project), avoided=context)
    _remove(context)
    try:
        target.mkdir(mode=0o700, parents=True)
        if function.lang != "dockerfile":
            TreeCopy(template.folder, skipped=(_COMPILED,)).copy(template.folder, context)
        for entry in sorted(os.listdir(handler)):
            if entry not in NOT_COPIED:
                own.copy(handler / entry, target / entry)
        for path in copied:
            relative = _in_scope(path)
            if not relative.exists():
                missing = f"stat {relative.resolve()}: no such file or directory"
                raise BuildContextError(f"error copying extra paths: {missing}")
            own.copy(relative, target / relative)
    except LabError:
        shutil.rmtree(context, ignore_errors=True)  # it may be large
        raise
    except OSError as error:
        raise BuildContextError(f"{error.filename}: {str(error.strerror).lower()}") from error
    return context


def _scope(handler: Path, project: Path) -> tuple[Path, ...]:
    """Return the folders that no link in the function's files leads out of."""
    if Path(os.path.abspath(handler)).is_relative_to(Path.cwd()):
        return (project,)  # also if the function's folder is itself a link
    return handler, project


def _remove(context: Path) -> None:
    """Remove an older context, but nothing that links lead to."""
    if _BUILD_DIR.is_symlink():
        check_inside(_BUILD_DIR, Path())
    if context.is_symlink() or context.is_file():
        context.unlink()
    shutil.rmtree(context, ignore_errors=True)


def requirement_notes(file: Path) -> Iterable[str]:
    """Yield a build's notes on ``requirements.txt``: nothing is installed.

    Without containers all functions share the lab's own packages, which one
    function must not change for the others.
    """
    if not file.is_file():
        return
    installed, missing = [], []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _PACKAGE.match(line.partition("#")[0]):
            try:
                installed.append(f"{match[1]} {metadata.version(match[1])}")
            except metadata.PackageNotFoundError:
                missing.append(match[1])
    if installed:
        yield (
            f"requirements.txt: already in the lab's Python: {', '.join(installed)}."
            " The requested versions are not checked."
        )
    if missing:
        yield (
            f"requirements.txt: not installed, because the build installs nothing: {', '.join(missing)}."
            f" Add them to the lab's Python: {sys.executable} -m pip install {' '.join(missing)}"
        )


def _context_folder(name: str) -> Path:
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise BuildContextError(
            f'function name "{name}" must be a single path component within the build directory "./build"'
        )
    return _BUILD_DIR / name


def inside(context: Path, folder: str) -> Path:
    """Return a template's handler folder, which must be in ``context``."""
    if os.path.isabs(folder) or os.path.normpath(folder).split(os.sep)[0] == os.pardir:
        raise BuildContextError(
            f'handler folder "{folder}" must be a relative path within the build context "{context}"'
        )
    return Path(os.path.normpath(context / folder))


def _in_scope(path: str) -> Path:
    """Return an extra path relative to the current folder, which has it."""
    full = os.path.abspath(path)
    relative = os.path.relpath(full)
    if relative == os.curdir:
        raise BuildContextError(f"forbidden path appears to equal the entire project: {path} ({full})")
    if relative.split(os.sep)[0] == os.pardir:
        raise BuildContextError(f"forbidden path appears to be outside of the build context: {path} ({full})")
    return Path(relative)
