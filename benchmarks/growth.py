"""A cost at two volumes of data, its bound, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_FLAT = 1.5
"""Ratios up to this one are noise."""
_VOLUME = ("calls", "event log")
"""Rows that begin so are the volume itself, which is no cost."""


@dataclass(frozen=True)
class Bound:
    """What a cost may be at the large volume; None is no bound.

    ``most`` is in the row's unit, ``ratio`` a multiple of the small cost.
    """

    most: float | None = None
    ratio: float | None = None

    def __str__(self) -> str:
        return f"at most {self.most:g}" if self.most is not None else f"at most {self.ratio:g} x"


@dataclass(frozen=True)
class Growth:
    """One cost at two volumes.

    ``small`` is after 1,000 calls, ``large`` after the requested number; None
    if it failed.
    """

    what: str
    small: float | None
    large: float | None
    bound: Bound | None = None

    @property
    def ratio(self) -> float | None:
        """The large cost as a multiple of the small one."""
        return self.large / self.small if self.small and self.large is not None else None

    @property
    def is_broken(self) -> bool:
        """Whether a bound is not kept; also if it could not be measured."""
        if self.bound is None:
            return False
        pairs = ((self.large, self.bound.most), (self.ratio, self.bound.ratio))
        return any(most is not None and (value is None or value > most) for value, most in pairs)

    @property
    def verdict(self) -> str:
        """Whether it grows, or keeps its bound; "" for the volume itself."""
        if self.what.startswith(_VOLUME):
            return ""
        if self.large is None:
            return "FAILED"
        if self.bound is not None:
            return "BROKEN" if self.is_broken else "met"
        if self.ratio is None:
            return ""
        return "flat" if self.ratio <= _FLAT else "GROWS"


def table(rows: Sequence[Growth], small: int, large: int) -> str:
    """Return the comparison as text; ``small`` and ``large`` are calls."""
    lines = [("", f"after {small:,}", f"after {large:,}", "ratio", "bound", "")]
    for row in rows:
        ratio = f"{row.ratio:.2f} x" if row.ratio is not None else ""
        bound = str(row.bound) if row.bound else ""
        lines.append((row.what, _format(row.small), _format(row.large), ratio, bound, row.verdict))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([what.ljust(widths[0]), *map(str.rjust, figures, widths[1:]), verdict]).rstrip()
        for what, *figures, verdict in lines
    )


def _format(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
