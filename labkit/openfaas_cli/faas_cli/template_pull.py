"""Copy templates from a git repository into ``./template``."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.git import error_line, run_git
from labkit.openfaas_cli.faas_cli.go_json import compact
from labkit.signals import temporary_folder
from labkit_services.contract.errors import LabError, UnsafePathError
from labkit_services.files.rooted_path import check_inside
from labkit_services.files.tree_copy import TreeCopy, create

_REMOTE = re.compile(r"(?:(?:git|ssh|https?|file)://|git@[-\w.]+:).+")
_COMMIT = re.compile(r"sha-([0-9a-fA-F]{7,40})")


class TemplatePullError(LabError, OSError):
    """The templates cannot be fetched."""


class TemplateSource(NamedTuple):
    """URL or path of a git repository; branch, tag, ``sha-<commit>`` or ""."""

    repository: str
    ref: str


def parse_source(text: str) -> TemplateSource:
    """Parse ``URL-or-path[#ref]``."""
    if Path(text).exists():
        return TemplateSource(text, "")
    repository, _, ref = text.partition("#")
    if not _REMOTE.fullmatch(repository) and not Path(repository).exists():
        raise TemplatePullError("the repository URL must be a valid git repo uri", seen=repository)
    return TemplateSource(repository, ref)


def pull(source: TemplateSource, target: Path, *, overwrite: bool, only: str = "") -> list[str]:
    """Copy a repository's templates into ``target``; return their names.

    ``only`` is the name of one of them, "" for all.
    A template of a branch or tag is stored as ``NAME@REF``, beside others of
    its name. ``meta.json`` in each names its source. The new ones are written
    even if others exist already, which is an error without ``overwrite``.
    """
    with temporary_folder("labkit-templates-") as clone:
        _clone(source, clone)
        found = _templates(clone / "template", only)
        if not found:
            raise TemplatePullError(
                f"can't find templates in: {source.repository}", expected=f"template/{only or 'NAME'}/"
            )
        meta = {"repository": source.repository, **({"ref_name": source.ref} if source.ref else {})}
        meta["sha"] = _git("rev-parse", "HEAD", folder=clone).strip()
        meta["written_at"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        written, existing = [], []
        for path in found:
            name = f"{path.name}@{source.ref}" if source.ref else path.name
            if os.path.lexists(target / name) and not overwrite:
                existing.append(name)
                continue
            try:
                above = (target / name).parent  # with a branch such as fix/1, not target
                check_inside(above if above.exists() else target.parent, Path())
                TreeCopy(path).copy(path, target / name)
                with create(target / name / "meta.json") as file:
                    file.write(compact(meta).encode())
            except (OSError, UnsafePathError) as error:
                raise TemplatePullError(f"cannot write the template {name}", seen=str(error)) from error
            written.append(name)
    if existing:
        raise TemplatePullError(
            f"unable to overwrite the following: [{' '.join(existing)}]", next_step="pull with --overwrite"
        )
    return written


def _templates(folder: Path, only: str) -> list[Path]:
    """Return a repository's templates; a link to a folder is none."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(folder / name for name in names if not only or name == only)


def _clone(source: TemplateSource, folder: Path) -> None:
    commit = _COMMIT.fullmatch(source.ref)
    if source.ref and not commit:
        _git("check-ref-format", "--allow-onelevel", source.ref, folder=folder)
    # A commit may be anywhere in the history, so all of it is needed.
    depth = [] if commit else ["--depth=1", *([f"--branch={source.ref}"] if source.ref else [])]
    _git(
        *("clone", "--quiet", "--config", "core.autocrlf=false", *depth),
        *("--", source.repository, str(folder)),
        folder=Path(),
    )
    if commit:
        _git("checkout", "--quiet", "--detach", commit[1], folder=folder)


def _git(*words: str, folder: Path) -> str:
    done = run_git(*words, folder=folder)
    if done.returncode:
        raise TemplatePullError(
            f"error while fetching templates: error invoking git {words[0]}: exit status {done.returncode}",
            seen=error_line(done.stderr),
            next_step="without the internet: name a git repository on this machine, "
            "or put the template into ./template/",
        )
    return done.stdout
