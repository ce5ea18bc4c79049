"""What a function from Python source consists of, and its result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit_services.contract.errors import InvalidValueError

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_TAKEN = ("build", "template", "edited")
"""Folders beside the functions' folders, of faas-cli and of the lab."""


@dataclass(frozen=True)
class HandlerSpec:
    """A function as a learner writes it.

    Attributes:
        name: Its name.
        source: The code, which defines ``handle(event, context)``.
        env: Environment of its process.
        labels: OpenFaaS labels.
        annotations: OpenFaaS annotations.
        secrets: Names of secrets that it may read.
        first_line: The line number, as the learner sees it, of the code's
            first line: 2 below the line ``%%function`` of a cell.
    """

    name: str
    source: str
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    first_line: int = 1

    def __post_init__(self) -> None:
        """Check the name, and that flags can carry the pairs."""
        check_function_name(self.name)
        for kind, pairs in (("env", self.env), ("label", self.labels), ("annotation", self.annotations)):
            for name, value in pairs.items():
                if not name or not value or "=" in name or any(letter in name + value for letter in "\0\n"):
                    raise InvalidValueError(
                        f"{kind} of {self.name} can't be used",
                        expected="NAME=VALUE, neither of them empty, in one line",
                        seen=f"{name}={value}",
                    )

    @property
    def shift(self) -> int:
        """Lines of ``handler.py`` above the learner's line of that number."""
        return max(self.first_line - 1, 1) - (self.first_line - 1)

    def file_text(self, mark: str) -> str:
        """Return ``handler.py``: the code below a first line, ``mark``.

        Its lines have the numbers that the learner sees in the cell.
        """
        return mark + "\n" * max(self.first_line - 1, 1) + self.source.rstrip("\n") + "\n"


def check_function_name(name: str) -> str:
    """Return the name of a function; it is also that of its folder.

    Raises:
        InvalidValueError: OpenFaaS has no such names, or it is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            "the function's name can't be used",
            expected="lower-case letters, digits and dashes, 63 at most, with no dash at an end",
            seen=repr(name[:100]),
        )
    if name in _TAKEN:
        raise InvalidValueError(
            "the function's name can't be used",
            expected=f"a name other than {', '.join(_TAKEN)}: faas-cli keeps folders of these names",
            seen=repr(name),
        )
    return name


@dataclass(frozen=True)
class HandlerDeployment:
    """A function that was deployed from Python source.

    Attributes:
        name: Its name.
        file: Its ``handler.py``.
        seconds: From the beginning to a replica that takes calls.
        callback: Where results of asynchronous calls go by default, or "".
        debug: Whether the handler runs in the notebook's kernel.
        kept: An edited ``handler.py`` that was moved away for this one.
    """

    name: str
    file: Path
    seconds: float
    callback: str = ""
    debug: bool = False
    kept: Path | None = None

    def __repr__(self) -> str:
        return f"HandlerDeployment({self.name!r}, {self.seconds:.1f} s)"
