"""Build an image from a Dockerfile.

``RUN`` is not executed: there is no container that would keep its effects
away from the learner's machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit.openfaas_cli.dockerfile import syntax
from labkit.openfaas_cli.dockerfile.copy_instruction import copy_files, is_watchdog
from labkit.openfaas_cli.dockerfile.copying import ImageFiles
from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.file_tree import FileTree, build_context
from labkit.openfaas_cli.dockerfile.rooted_path import absolute, below, make_folder
from labkit.openfaas_cli.dockerfile.stages import Stages, check_reference, split_stages
from labkit.openfaas_cli.dockerfile.syntax import Instruction
from labkit.openfaas_cli.dockerfile.unused_settings import check_setting
from labkit.openfaas_cli.dockerfile.variables import Variables
from labkit_services.contract.errors import InvalidValueError, UnsafePathError
from labkit_services.files.tree_copy import MOST_BYTES, MOST_FILES, Budget, read_file
from labkit_services.images.store import MACHINE_PATH, Image

_STAGES = 2
"""How often a build may write as much as there may be in its context."""

FindImage = Callable[[str], Image | None]


@dataclass
class Build:
    """A stage of a Dockerfile; the last one is the image.

    Attributes:
        root: Folder that is the image's ``/``.
        variables: ``ENV`` and ``ARG``, for the next instruction.
        environment: The image's ``ENV``.
        workdir: The process's folder in the image, or "".
        labels: The image's ``LABEL``.
        command: ``ENTRYPOINT`` and ``CMD``.
        on_build: Instructions for a stage that builds on this one.
        base: The image that it builds on; None if it is unknown.
        copies: How many ``COPY`` and ``ADD`` were executed.
        is_complete: Whether ``root`` has all files of the image.
        skipped_runs: The ``RUN`` of all stages that the image needs.
        notes: What else was skipped in these stages.
    """

    root: Path
    variables: Variables
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    command: dict[str, Instruction] = field(default_factory=dict)
    on_build: list[str] = field(default_factory=list)
    base: Image | None = None
    copies: int = 0
    is_complete: bool = False
    skipped_runs: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def fprocess(self) -> str:
        """``ENV fprocess``, else of-watchdog's ``function_process``."""
        own = self.environment.get("fprocess") or self.environment.get("function_process")
        return own or (self.base.fprocess if self.base else "")

    @property
    def files(self) -> Path | None:
        """The image's files, if it has some of its own."""
        return self.root if self.copies or (self.base and self.base.files) else None

    def child(self, root: Path) -> Build:
        """Return what a stage starts with that builds on this one."""
        return Build(
            root,
            self.variables.copy(),
            dict(self.environment),
            self.workdir,
            dict(self.labels),
            dict(self.command),
            base=self.base,
            copies=self.copies,
            is_complete=self.is_complete,
        )


def build(context: Path, scratch: Path, find_image: FindImage, build_args: Mapping[str, str]) -> Build:
    """Execute the ``Dockerfile`` in ``context``.

    The image's files are put into ``scratch``, an empty folder.

    Raises:
        DockerfileError: It cannot be read, or BuildKit would refuse it.
    """
    file = context / "Dockerfile"
    if not file.exists() and (context / "dockerfile").exists():
        file = context / "dockerfile"  # as in BuildKit
    try:
        content = read_file(file)
    except OSError as error:
        raise DockerfileError(
            f"cannot read {file}",
            seen=str(error),
            next_step="create the folder with: faas-cli new --lang dockerfile NAME",
        ) from error
    try:
        stages = split_stages(syntax.parse(content), build_args)
        return _Builder(stages, build_context(context), scratch, find_image, build_args).build()
    except UnsafePathError as error:
        raise DockerfileError(
            error.headline, expected=error.expected, seen=str(file), next_step=error.next_step
        ) from error
    except DockerfileError as error:
        error.seen = ", ".join(filter(None, (str(file), error.seen)))
        raise


class _Builder:
    """Executes the stages that the last one needs."""

    def __init__(
        self,
        stages: Stages,
        context: FileTree,
        scratch: Path,
        find_image: FindImage,
        build_args: Mapping[str, str],
    ) -> None:
        self._stages = stages
        self._context = context
        self._scratch = scratch
        self._find_image = find_image
        self._build_args = build_args
        self._budget = Budget(_STAGES * MOST_FILES, _STAGES * MOST_BYTES)
        self._built: dict[int, Build] = {}
        self._skipped_runs: list[str] = []
        self._notes: list[str] = []
        self._without_match: list[tuple[Instruction, str]] = []

    def build(self) -> Build:
        before = [self._dependencies(number) for number in range(len(self._stages.stages))]
        last = len(before) - 1
        needed = {last}
        for number in range(last, -1, -1):  # a stage only needs earlier ones
            if number in needed:
                needed |= before[number]
        for number in sorted(needed):
            self._stage(number)
        for instruction, source in self._without_match:
            with instruction.located():
                self._context.check_used(source)
        image = self._built[last]
        self._note_command(image)
        image.skipped_runs, image.notes = self._skipped_runs, self._notes
        return image

    def _dependencies(self, number: int) -> set[int]:
        """Return the stages that a stage names; check the images."""
        stage = self._stages.stages[number]
        found = {stage.parent}
        with stage.line.located():
            if stage.parent is None and not self._image(stage.base):
                check_reference(stage.base)
        for instruction in stage.instructions:
            if instruction.name == "COPY" and "from" in instruction.flags:
                with instruction.located():
                    found.add(self._stages.source(instruction, number))
        return {each for each in found if each is not None}

    def _stage(self, number: int) -> Build:
        """Return a stage's result; it is executed once."""
        if number not in self._built:
            stage = self._stages.stages[number]
            with stage.line.located():
                built, triggers = self._begin(number)
            for trigger in triggers:
                with stage.line.located():
                    self._execute(built, syntax.parse_trigger(trigger), number)
            for instruction in stage.instructions:
                with instruction.located():
                    self._execute(built, instruction, number)
            self._built[number] = built
        return self._built[number]

    def _begin(self, number: int) -> tuple[Build, Sequence[str]]:
        """Return what a stage starts with, and what ``ONBUILD`` adds."""
        stage = self._stages.stages[number]
        root = self._scratch / str(number)
        if stage.parent is not None:
            parent = self._stage(stage.parent)
            ImageFiles(root, self._budget).start_with(parent.root)
            return parent.child(root), parent.on_build
        base = self._image(stage.base)
        # The base image's PATH is unknown, and this machine's may change
        # before the function runs.
        variables = Variables(self._stages.escape, {"PATH": MACHINE_PATH})
        built = Build(root, variables, base=base, is_complete=stage.base == "scratch")
        if base is None or base.files is None:
            root.mkdir(parents=True)
        else:
            ImageFiles(root, self._budget).start_with(base.files)
        if base is None:
            return built, ()
        built.environment = {"fprocess": base.fprocess, **base.environment}
        built.variables.values |= built.environment
        built.workdir, built.labels = base.workdir, dict(base.labels)
        return built, base.on_build

    def _image(self, ref: str) -> Image | None:
        try:
            return None if ref == "scratch" else self._find_image(ref)
        except InvalidValueError:
            return None  # check_reference has the better error

    def _execute(self, stage: Build, instruction: Instruction, number: int) -> None:
        expand, args = stage.variables.expand, instruction.args
        match instruction.name:
            case "ENV" | "LABEL":
                values = [expand(word) for word in args]
                pairs = dict(zip(values[::3], values[1::3], strict=True))
                if instruction.name == "ENV":
                    stage.environment |= pairs
                    stage.variables.values |= pairs
                else:
                    stage.labels |= pairs
            case "ARG":
                stage.variables.declare(args, self._build_args, self._stages.global_args)
            case "WORKDIR":
                stage.workdir = absolute(stage.workdir, expand(args[0]))
                make_folder(stage.root, below(stage.root, stage.workdir))
            case "COPY" | "ADD":
                self._copy(stage, instruction, number)
            case "RUN":
                stage.is_complete = False
                self._skipped_runs.append(instruction.place)
            case "CMD" | "ENTRYPOINT":
                stage.command[instruction.name] = instruction
            case "ONBUILD":
                stage.on_build.append(args[0])
            case "USER" | "VOLUME" | "STOPSIGNAL" | "EXPOSE":
                check_setting(instruction.name, [expand(word) for word in args])
            case _:  # HEALTHCHECK, MAINTAINER and SHELL
                pass

    def _copy(self, stage: Build, instruction: Instruction, number: int) -> None:
        tree: FileTree | None = self._context
        origin = instruction.flag("from")
        if origin:
            tree = self._tree(instruction, number)
        missing = copy_files(
            instruction, tree, ImageFiles(stage.root, self._budget), stage.workdir, stage.variables
        )
        if len(missing) < len(instruction.args) - 1:
            stage.copies += 1
        for source in missing:
            if is_watchdog(source):
                stage.is_complete = False
                continue
            if tree is self._context:
                self._without_match.append((instruction, source))
            if tree and tree.is_complete:
                self._notes.append(f"{instruction.place}: no file matches {source}.")
            else:
                stage.is_complete = False
                reason = "because it comes from an image or a RUN step"
                self._notes.append(f"COPY --from={origin} {source}: skipped, {reason}.")

    def _tree(self, instruction: Instruction, number: int) -> FileTree | None:
        """Return the files of ``--from``; None if they are unknown."""
        found = self._stages.source(instruction, number)
        if found is not None:
            earlier = self._stage(found)
            return FileTree(earlier.root, is_complete=earlier.is_complete)
        image = self._image(instruction.flag("from"))
        return FileTree(image.files, is_complete=False) if image and image.files else None

    def _note_command(self, image: Build) -> None:
        """Note a command that a container would run and the lab does not."""
        commands = image.command.values()
        words = " ".join(word for command in commands for word in command.args)
        if words and "watchdog" not in words:
            for command in commands:
                self._notes.append(
                    f"{command.place}: ignored, the lab starts its watchdog, and that starts ENV fprocess."
                )
