"""Copy templates from a git repository into ``./template``."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from labkit.openfaas_cli.faas_cli.git import error_line, run_git
from labkit.openfaas_cli.faas_cli.go_json import compact
from labkit.signals import temporary_folder
from labkit_services.contract.errors import LabError

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
        found = sorted(path for path in (clone / "template").glob(only or "*") if path.is_dir())
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
            if (target / name).exists() and not overwrite:
                existing.append(name)
                continue
            try:
                shutil.copytree(path, target / name, symlinks=True, dirs_exist_ok=True)
                (target / name / "meta.json").write_text(compact(meta), encoding="utf-8")
            except OSError as error:
                raise TemplatePullError(f"cannot write the template {name}", seen=str(error)) from error
            written.append(name)
    if existing:
        raise TemplatePullError(
            f"unable to overwrite the following: [{' '.join(existing)}]", next_step="pull with --overwrite"
        )
    return written


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
