"""The kinds of proof for a statement, and the outputs they are checked on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_DURATION = r"(?:(\d+) ?min )?([\d.]+) ?(s|ms|µs)"
_UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


class Outputs(dict[str, str]):
    """What the cells of a notebook have printed, as text, by cell id."""

    def number(self, cell: str, pattern: str) -> float:
        """Return the number that the pattern's group matches."""
        found = re.search(pattern, self[cell], re.MULTILINE)
        assert found, f"{pattern!r} is not in the output of {cell}:\n{self[cell]}"
        return float(found[1])

    def seconds(self, cell: str, before: str) -> float:
        """Return a duration that follows a text, such as `Wall time: `."""
        found = re.search(re.escape(before) + _DURATION, self[cell])
        assert found, f"no duration after {before!r} in the output of {cell}:\n{self[cell]}"
        minutes, amount, unit = found.groups()
        return 60 * int(minutes or 0) + float(amount) * _UNITS[unit]


@dataclass(frozen=True)
class Shown:
    """The output of a cell beside the statement matches a pattern."""

    says: str
    cell: str
    pattern: str

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def holds(self, outputs: Outputs) -> bool:
        return re.search(self.pattern, outputs[self.cell], re.MULTILINE) is not None


@dataclass(frozen=True)
class Computed:
    """The outputs of cells beside the statement fulfil a condition."""

    says: str
    cells: tuple[str, ...]
    condition: Callable[[Outputs], bool]

    def holds(self, outputs: Outputs) -> bool:
        return self.condition(outputs)


@dataclass(frozen=True)
class HeldByTest:
    """A test elsewhere holds the statement: `tests/FILE.py::test_name`."""

    says: str
    test: str


@dataclass(frozen=True)
class Sourced:
    """A statement about another program or a fact, and where it comes from."""

    says: str
    source: str


Proof = Shown | Computed | HeldByTest | Sourced


@dataclass(frozen=True)
class Proofs:
    """The proofs of one notebook.

    `plain` are sentences that state nothing to prove: definitions, tasks, advice, and
    pointers to other parts.
    """

    proofs: tuple[Proof, ...]
    plain: tuple[str, ...]

    @property
    def of_outputs(self) -> tuple[Shown | Computed, ...]:
        return tuple(proof for proof in self.proofs if isinstance(proof, Shown | Computed))
