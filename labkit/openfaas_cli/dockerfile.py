"""Read from a Dockerfile what a process needs, without Docker.

That is ``ENV``, ``WORKDIR`` and ``LABEL`` of the last stage, and what it
copies from the function's folder. ``RUN`` is not executed: there is no
container that would keep its effects away from the learner's machine.
"""

from __future__ import annotations

import copy
import json
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from dockerfile_parse import DockerfileParser
from dockerfile_parse.util import WordSplitter, extract_key_values

from labkit_services.contract.errors import LabError
from labkit_services.images.store import MACHINE_PATH, Image

FindImage = Callable[[str], Image | None]

_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_WITHOUT_EFFECT = (
    *("CMD", "COMMENT", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "MAINTAINER", "ONBUILD", "SHELL"),
    *("STOPSIGNAL", "USER", "VOLUME"),
)


class DockerfileError(LabError, ValueError):
    """The Dockerfile cannot be used."""


@dataclass(frozen=True)
class Copy:
    """A file, or a folder's contents, that ``COPY`` puts into the image."""

    source: Path
    target: PurePosixPath


@dataclass
class Build:
    """The last stage of a Dockerfile, with the stages it builds on.

    A later one of the ``copies`` may overwrite an earlier one. Besides ``RUN``
    steps, ``notes`` lists what was skipped. ``base`` is None if the image is
    unknown.
    """

    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    skipped_runs: int = 0
    notes: list[str] = field(default_factory=list)
    base: Image | None = None

    @property
    def fprocess(self) -> str:
        """``ENV fprocess``, else of-watchdog's ``function_process``."""
        own = self.environment.get("fprocess") or self.environment.get("function_process")
        return own or (self.base.fprocess if self.base else "")

    def lay_out(self, root: Path) -> None:
        """Copy the image's files, if there are any, below ``root``."""
        if self.base and self.base.files:
            shutil.copytree(self.base.files, root, symlinks=True, dirs_exist_ok=True)
        for each in self.copies:
            target = root / each.target.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if each.source.is_dir():
                shutil.copytree(each.source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(each.source, target)
        if root.exists() and self.workdir:
            (root / self.workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)


def read_dockerfile(context: Path, find_image: FindImage, build_args: Mapping[str, str]) -> Build:
    """Read ``Dockerfile`` in ``context``, the folder that it copies from."""
    file = context / "Dockerfile"
    try:
        structure = DockerfileParser(str(file)).structure
    except (OSError, UnicodeDecodeError) as error:
        raise DockerfileError(
            f"cannot read {file}",
            seen=str(error),
            next_step="create the folder with: faas-cli new --lang dockerfile NAME",
        ) from error
    return _Reader(context, find_image, build_args).read(structure)


class _Reader:
    """Executes the instructions, stage by stage."""

    def __init__(self, context: Path, find_image: FindImage, build_args: Mapping[str, str]) -> None:
        self._context = context
        self._find_image = find_image
        self._build_args = build_args
        self._global_args: dict[str, str] = {}
        self._args: dict[str, str] = {}
        self._stages: dict[str, Build] = {}
        self._stage: Build | None = None

    def read(self, structure: Sequence[Mapping[str, Any]]) -> Build:
        skipped_runs = 0
        for step in _without_heredoc_lines(structure):
            line, instruction, value = step["startline"] + 1, step["instruction"], step["value"]
            try:
                if instruction == "RUN":
                    skipped_runs += 1
                else:
                    self._execute(instruction, value)
            except DockerfileError as error:
                error.seen = error.seen or f"line {line}: {instruction} {value}"
                raise
            except (ValueError, IndexError) as error:
                seen = f"{instruction} {value}: {error}"
                raise DockerfileError(f"cannot use line {line} of the Dockerfile", seen=seen) from error
        if self._stage is None:
            raise DockerfileError("the Dockerfile has no FROM")
        self._stage.skipped_runs = skipped_runs
        return self._stage

    def _execute(self, instruction: str, value: str) -> None:
        if instruction == "FROM":
            self._from(value)
        elif instruction == "ARG":
            self._arg(value)
        elif self._stage is None:
            if instruction not in _WITHOUT_EFFECT:
                raise DockerfileError(f"{instruction} is before FROM")
        elif instruction == "ENV":
            for name, text in self._pairs(value):
                self._stage.environment[name] = text
        elif instruction == "LABEL":
            self._stage.labels.update(self._pairs(value))
        elif instruction == "WORKDIR":
            self._stage.workdir = posixpath.join(self._stage.workdir or "/", self._words(value)[0])
        elif instruction in ("COPY", "ADD"):
            self._copy(self._stage, instruction, value)
        elif instruction not in _WITHOUT_EFFECT:
            raise DockerfileError(f"unknown instruction: {instruction}")

    def _from(self, value: str) -> None:
        words = [word for word in _split(value, self._global_args) if not word.startswith("--")]
        image, name = words[0], words[2] if len(words) == 3 else str(len(self._stages))
        self._args = {}
        if earlier := self._stages.get(image.lower()):
            stage = copy.deepcopy(earlier)
        else:
            stage = Build(base=self._find_image(image))
            if base := stage.base:
                stage.environment = {"fprocess": base.fprocess, **base.environment}
                stage.workdir, stage.labels = base.workdir, dict(base.labels)
        self._stages[name.lower()] = self._stage = stage

    def _arg(self, value: str) -> None:
        for word in _split(value, {}):
            name, _, default = word.partition("=")
            text = self._build_args.get(name, default or self._global_args.get(name, ""))
            (self._global_args if self._stage is None else self._args)[name] = text

    def _pairs(self, value: str) -> list[tuple[str, str]]:
        return list(extract_key_values(True, self._args, self._variables(), value))

    def _words(self, value: str) -> list[str]:
        return _split(value, {**self._args, **self._variables()})

    def _variables(self) -> dict[str, str]:
        assert self._stage is not None
        # The base image's PATH is unknown, and this machine's may change
        # before the function runs.
        return {"PATH": MACHINE_PATH, **self._stage.environment}

    def _copy(self, stage: Build, instruction: str, value: str) -> None:
        if _HEREDOC.search(value):
            raise DockerfileError(f"{instruction} with an inline file is not supported")
        words = self._words(value)
        options = {}
        while words[0].startswith("--"):
            name, _, option = words.pop(0)[2:].partition("=")
            options[name] = option
        if words[0].startswith("["):  # the JSON form, for names with spaces
            words = json.loads(value[value.index("[") :])
        *sources, target = words
        if not sources:
            raise DockerfileError(f"{instruction} needs a source and a target")
        place = PurePosixPath(posixpath.normpath(posixpath.join("/", stage.workdir, target)))
        into = target.endswith("/") or target in (".", "..") or len(sources) > 1
        for source in sources:
            if origin := options.get("from"):
                stage.copies += self._copies_from_stage(stage, origin, source, place, into)
            else:
                stage.copies += self._copies_from_context(source, place, into)

    def _copies_from_context(self, source: str, place: PurePosixPath, into: bool) -> list[Copy]:
        if re.match(r"https?://|git@", source):
            raise DockerfileError("ADD of a URL is not supported: the build uses no network")
        if ".." in posixpath.normpath(source).split("/"):
            raise DockerfileError(f"{source} is outside the function's folder")
        relative = posixpath.normpath(posixpath.join("/", source)).lstrip("/")
        found = sorted(self._context.glob(relative)) if relative else [self._context]
        if not found:
            expected = str(self._context / relative)
            raise DockerfileError(f"{source} is not in the function's folder", expected=expected)
        # As in Docker: a folder's contents go to the target, a file may keep
        # its name below it.
        into = into or len(found) > 1
        return [Copy(path, place if path.is_dir() or not into else place / path.name) for path in found]

    def _copies_from_stage(
        self, stage: Build, origin: str, source: str, place: PurePosixPath, into: bool
    ) -> list[Copy]:
        """Copy files of an earlier stage that do not come from a ``RUN``."""
        path = PurePosixPath(posixpath.join("/", source))
        if path.name in ("fwatchdog", "of-watchdog"):
            return []  # the lab has its own watchdog
        earlier = self._stages.get(origin.lower())
        found = _below(path, earlier.copies, place, into) if earlier else []
        if not found:
            reason = "because it comes from an image or a RUN step"
            stage.notes.append(f"COPY --from={origin} {source}: skipped, {reason}.")
        return found


def _below(path: PurePosixPath, copies: Sequence[Copy], place: PurePosixPath, into: bool) -> list[Copy]:
    """Return the copies at or below ``path``, with ``place`` as target."""
    found = []
    for each in copies:
        if each.target != path and each.target.is_relative_to(path):
            found.append(Copy(each.source, place / each.target.relative_to(path)))
        elif path.is_relative_to(each.target):
            source = each.source / path.relative_to(each.target)
            if source.exists():
                found.append(Copy(source, place / path.name if into and source.is_file() else place))
    return found


def _split(value: str, variables: Mapping[str, str]) -> list[str]:
    return list(WordSplitter(value, args={}, envs=dict(variables)).split())


def _without_heredoc_lines(structure: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Skip the lines of ``RUN <<EOF``, which are not instructions."""
    end = ""
    for step in structure:
        if end:
            if step["content"].strip() == end:
                end = ""
            continue
        if step["instruction"] == "RUN" and (heredoc := _HEREDOC.search(step["value"])):
            end = heredoc[1]
        yield step
