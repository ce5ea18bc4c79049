"""The instructions of a Dockerfile, checked as BuildKit checks them."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from e2b_dockerfile_utils import (
    DockerfileHeredoc,
    DockerfileInstruction,
    DockerfileSyntaxError,
    parse_dockerfile_ast,
    parse_heredoc,
)

from labkit.openfaas_cli.dockerfile.error import DockerfileError
from labkit.openfaas_cli.dockerfile.unused_settings import check_healthcheck

FLAGS: Mapping[str, Sequence[str]] = {
    "ADD": ("chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"),
    "COPY": ("chown", "chmod", "link", "from", "parents", "exclude"),
    "FROM": ("platform",),
    "HEALTHCHECK": ("interval", "timeout", "start-period", "start-interval", "retries"),
    "RUN": ("mount", "network", "security", "device"),
}
"""The flags of each instruction that has some."""

_BOOLEAN_FLAGS = ("link", "keep-git-dir", "unpack", "parents")
_REPEATED_FLAGS = ("exclude", "mount", "device")
_NAMES = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_AT_LEAST_ONE = ("ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "VOLUME")
_EXACTLY_ONE = ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR")
_SPACES = re.compile(r"[\t\v\f\r ]+")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")
_WIDE_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_LONGEST_LINE = 65_535  # bytes; Go's bufio.MaxScanTokenSize - 1
_INLINE_ONBUILD = re.compile(r"^[ \t]*ONBUILD[ \t]+(?:ADD|COPY|RUN)[ \t].*(?<!<)<<(?!<).*$", re.I | re.M)
_SHOWN = 100
_NEXT_STEP = "correct this line of the Dockerfile, then build again"


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        args: ``ENV`` and ``LABEL``: name, value, "=" or "", and so on. Other
            instructions: words, with their quotes.
        flags: Values by name; a flag without one has "true".
        heredocs: Inline files, in order.
        is_json: The arguments are a JSON list.
        line: Its first line in the file, from 1.
        text: The instruction on one line, shortened.
    """

    name: str
    args: Sequence[str] = ()
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    heredocs: Sequence[DockerfileHeredoc] = ()
    is_json: bool = False
    line: int = 0
    text: str = ""

    def flag(self, name: str) -> str:
        """Return a flag's last value, or ""."""
        return self.flags.get(name, ("",))[-1]

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Add the line to an error of the block."""
        try:
            yield
        except DockerfileError as error:
            error.seen = error.seen or self.place
            error.next_step = error.next_step or _NEXT_STEP
            raise
        except (OSError, ValueError) as error:
            raise DockerfileError(
                f"{self.name} failed: {error}", seen=self.place, next_step=_NEXT_STEP
            ) from error

    @property
    def place(self) -> str:
        """The line's number and text."""
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file, and the character that escapes."""

    instructions: Sequence[Instruction]
    escape: str


def parse(content: bytes) -> Dockerfile:
    """Read a Dockerfile.

    Raises:
        DockerfileError: BuildKit would refuse it; ``seen`` names the line.
    """
    text = _decode(content)
    if later := _INLINE_ONBUILD.search(text):
        # The library would take the file's lines for instructions.
        message = "ONBUILD with an inline file is not supported by the lab"
        _refuse(text.count("\n", 0, later.start()) + 1, later[0], message)
    try:
        ast = parse_dockerfile_ast(text)
    except DockerfileSyntaxError as error:
        line = error.line or 1
        message = str(error).removeprefix(f"Dockerfile parse error on line {line}: ")
        _refuse(line, text.split("\n")[line - 1], message)
    except RecursionError:
        raise DockerfileError("a list in the Dockerfile is nested too deep", next_step=_NEXT_STEP) from None
    if not ast.instructions:
        raise DockerfileError("file with no instructions", next_step="begin it with FROM")
    instructions = []
    for each in ast.instructions:
        try:
            instructions.append(_checked(each))
        except DockerfileError as error:
            _refuse(each.start_line, each.original, error.headline)
    return Dockerfile(instructions, ast.escape_token)


def _refuse(line: int, text: str, message: str) -> NoReturn:
    # The library's wording, where it is not BuildKit's.
    message = message.replace(
        "Only strings are supported in JSON arrays",
        "when using JSON array syntax, arrays must be comprised of strings only",
    )
    if message.startswith("unknown instruction: "):
        close = difflib.get_close_matches(message.split()[-1].upper(), _NAMES, 1)
        message += "".join(f" (did you mean {name}?)" for name in close)
    raise DockerfileError(
        f"dockerfile parse error on line {line}: {message}",
        seen=f"line {line}: {_one_line(text)}",
        next_step=_NEXT_STEP,
    )


def _decode(content: bytes) -> str:
    if not content:
        raise DockerfileError("the Dockerfile cannot be empty", next_step="begin it with FROM")
    if content.startswith(_WIDE_ENCODINGS) or b"\0" in content:
        raise DockerfileError(
            "the Dockerfile is not UTF-8 text: it looks like UTF-16",
            next_step="save it as UTF-8 in your editor",
        )
    for number, line in enumerate(content.split(b"\n"), 1):
        if len(line) > _LONGEST_LINE:
            message = f"dockerfile line greater than max allowed size of {_LONGEST_LINE}"
            raise DockerfileError(message, seen=f"line {number}: {len(line)} bytes", next_step=_NEXT_STEP)
    # Docker ignores the encoding of comments.
    return content.decode("utf-8", "surrogateescape")


def _one_line(text: str) -> str:
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _checked(parsed: DockerfileInstruction) -> Instruction:
    name, args = parsed.name, parsed.args
    for text in (parsed.original, *(heredoc.content for heredoc in parsed.heredocs)):
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise DockerfileError("string field contains invalid UTF-8")
    if name in ("ADD", "COPY") and not parsed.json:
        # The library keeps quoted words together, BuildKit does not.
        args = [word for arg in args for word in _SPACES.split(arg)]
    if name == "ONBUILD":
        args = list(_trigger(parsed))
    instruction = Instruction(
        name,
        args,
        _flags(name, parsed.flags),
        parsed.heredocs,
        parsed.json,
        parsed.start_line,
        _one_line(parsed.original),
    )
    _check_arguments(instruction)
    return instruction


def _trigger(parsed: DockerfileInstruction) -> Iterator[str]:
    """Yield the instruction that ``ONBUILD`` keeps for later, if any."""
    text = re.sub(r"(?i)^\s*ONBUILD\s*", "", parsed.original)
    if not text:
        return
    first = text.split()[0].upper()
    if first == "ONBUILD":
        raise DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if first in ("MAINTAINER", "FROM"):
        raise DockerfileError(f"{first} isn't allowed as an ONBUILD trigger")
    try:
        parse_trigger(text)
    except DockerfileError as error:
        raise DockerfileError(error.headline.partition(": ")[2]) from None
    yield text


def parse_trigger(text: str) -> Instruction:
    """Return the instruction that ``ONBUILD`` has kept."""
    return parse(text.encode()).instructions[0]


def _flags(name: str, words: Sequence[str]) -> Mapping[str, Sequence[str]]:
    found = dict[str, list[str]]()
    for word in words:
        flag, equals, value = word.removeprefix("--").partition("=")
        if flag not in FLAGS.get(name, ()):
            raise DockerfileError(f"unknown flag: --{flag}")
        if flag in found and flag not in _REPEATED_FLAGS:
            raise DockerfileError(f"duplicate flag specified: --{flag}")
        if flag in _BOOLEAN_FLAGS and not equals:
            value = "true"
        elif not equals or (flag in _BOOLEAN_FLAGS and not value):
            raise DockerfileError(f"missing a value on flag: --{flag}")
        if flag in _BOOLEAN_FLAGS:
            value = value.lower()
            if value not in ("true", "false"):
                raise DockerfileError(f"expecting boolean value for flag --{flag}, not: {value}")
        found.setdefault(flag, []).append(value)
    return found


def _check_arguments(instruction: Instruction) -> None:
    """Raise BuildKit's error if the arguments do not fit."""
    name, args = instruction.name, instruction.args
    if name in _AT_LEAST_ONE and not args:
        raise DockerfileError(f"{name} requires at least one argument")
    if name in _EXACTLY_ONE and len(args) != 1:
        raise DockerfileError(f"{name} requires exactly one argument")
    if name in ("ENV", "LABEL") and "" in args[::3]:
        raise DockerfileError(f"{name} names can not be blank")
    if name == "ARG" and any(arg.startswith("=") for arg in args):
        raise DockerfileError("ARG names can not be blank")
    if name in ("ADD", "COPY"):
        if len(args) < 2:
            raise DockerfileError(
                f"{name} requires at least two arguments, but only one was provided."
                " Destination could not be determined"
            )
        if parse_heredoc(args[-1]):
            raise DockerfileError(f"{name} cannot accept a heredoc as a destination")
    if name == "VOLUME" and not all(arg.strip() for arg in args):
        raise DockerfileError("VOLUME specified can not be an empty string")
    if name == "SHELL" and not instruction.is_json:
        raise DockerfileError("SHELL requires the arguments to be in JSON form")
    if name == "FROM":
        _check_from(args)
    if name == "HEALTHCHECK":
        check_healthcheck(args[0], args[1:], instruction.flags)


def _check_from(args: Sequence[str]) -> None:
    if len(args) == 3 and args[1].lower() == "as":
        if not _STAGE_NAME.fullmatch(args[2].lower()):
            raise DockerfileError(
                f'invalid name for build stage: "{args[2]}",'
                " name can't start with a number or contain symbols"
            )
    elif len(args) != 1:
        raise DockerfileError("FROM requires either one or three arguments")
