"""The stages of a Dockerfile, and how they refer to each other."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.syntax import Dockerfile, Instruction
from labkit.openfaas_cli.dockerfile.variables import Variables

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?|[A-Za-z0-9-]+:\d+)"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*(?::\w[\w.-]{{0,127}})?(?:@\w+:[0-9a-fA-F]{{32,}})?",
    re.ASCII,
)


@dataclass
class Stage:
    """A ``FROM`` with the instructions up to the next one.

    Attributes:
        line: The ``FROM`` itself.
        base: Name of the image that it builds on.
        parent: Number of the earlier stage that it builds on instead, or
            None.
    """

    line: Instruction
    base: str
    parent: int | None
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name in lower case, or ""."""
        return self.line.args[2].lower() if len(self.line.args) == 3 else ""


@dataclass(frozen=True)
class Stages:
    """All stages of a file, and the ``ARG`` in front of the first."""

    stages: Sequence[Stage]
    global_args: Mapping[str, str]
    escape: str

    def source(self, instruction: Instruction, number: int) -> int | None:
        """Return the stage that ``COPY --from`` of stage ``number`` names.

        None if it names an image.
        """
        origin = instruction.flag("from")
        if Variables(self.escape).expand(origin) != origin:
            raise DockerfileError(
                "variable expansion is not supported for --from, define a new stage with FROM"
                " using ARG from global scope as a workaround"
            )
        if re.fullmatch(r"[+-]?\d+", origin, re.ASCII):
            found: int | None = int(origin)
            if int(origin) not in range(len(self.stages)):
                raise DockerfileError(f"invalid stage index {int(origin)}")
        else:
            names = {stage.name: index for index, stage in enumerate(self.stages) if stage.name}
            found = names.get(origin.lower())
            if found is None:
                check_reference(origin)
        if found is not None and found >= number:
            name = self.stages[number].name or f"stage-{number}"
            raise DockerfileError(
                f'cannot copy from stage "{origin}", it needs to be defined before current stage "{name}"'
            )
        return found


def split_stages(dockerfile: Dockerfile, build_args: Mapping[str, str]) -> Stages:
    """Sort the instructions into stages."""
    lines = [each for each in dockerfile.instructions if each.name == "FROM"]
    last_name = lines[-1].args[2].lower() if lines and len(lines[-1].args) == 3 else ""
    variables = Variables(dockerfile.escape, _platform(last_name, build_args))
    stages: list[Stage] = []
    names: dict[str, int] = {}
    for instruction in dockerfile.instructions:
        with instruction.located():
            if instruction.name == "FROM":
                stage = _stage(instruction, variables, names)
                if stage.name:
                    names[stage.name] = len(stages)
                stages.append(stage)
            elif stages:
                stages[-1].instructions.append(instruction)
            elif instruction.name == "ARG":
                variables.declare(instruction.args, build_args, {})
            else:
                raise DockerfileError(
                    "no build stage in current context", next_step="begin the Dockerfile with FROM"
                )
    if not stages:
        raise DockerfileError(
            "dockerfile contains no stages to build", next_step="begin the Dockerfile with FROM"
        )
    return Stages(stages, variables.values, dockerfile.escape)


def check_reference(image: str) -> None:
    """Raise BuildKit's error if this cannot be the name of an image."""
    if _REFERENCE.fullmatch(image):
        return
    message = f'failed to parse stage name "{image}": invalid reference format'
    if _REFERENCE.fullmatch(image.lower()):
        message += f": repository name ({image}) must be lowercase"
    raise DockerfileError(message, expected="a name such as alpine:3.21 or me/base:latest")


def _stage(instruction: Instruction, variables: Variables, names: Mapping[str, int]) -> Stage:
    base = variables.expand(instruction.args[0])
    if not base:
        raise DockerfileError(f"base name ({instruction.args[0]}) should not be blank")
    written = instruction.flag("platform")
    if "platform" in instruction.flags and not variables.expand(written):
        raise DockerfileError(f"empty platform value from expression {written}")
    return Stage(instruction, base, names.get(base))


def _platform(stage: str, build_args: Mapping[str, str]) -> dict[str, str]:
    """Return BuildKit's predefined ``ARG``, for this machine."""
    machine = _MACHINES.get(platform.machine(), platform.machine())
    found = {"TARGETSTAGE": stage}
    for kind in ("BUILD", "TARGET"):
        values = {"PLATFORM": f"linux/{machine}", "OS": "linux", "OSVERSION": "", "ARCH": machine}
        found |= {kind + name: value for name, value in {**values, "VARIANT": ""}.items()}
    return {name: build_args.get(name, value) for name, value in found.items()}
