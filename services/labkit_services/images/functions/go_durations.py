"""Go's durations: ``time.ParseDuration`` with its errors, and ``String``.

Unlike the lab's settings, a number without a unit is an error.
"""

from __future__ import annotations

import re
from decimal import Decimal

_SECOND = 1_000_000_000
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": _SECOND}
_UNITS |= {"m": 60 * _SECOND, "h": 3600 * _SECOND}
_PART = re.compile(r"(?P<number>\d+\.?\d*|\.\d+)(?P<unit>[^.\d]*)")


def parse(text: str) -> int:
    """Return nanoseconds; the text of a ValueError is Go's."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise ValueError(f'time: invalid duration "{text}"')
        number, unit = part["number"], part["unit"]
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += int(Decimal(number) * _UNITS[unit])
        rest = rest[part.end() :]
    return sign * total


def seconds(nanoseconds: int) -> float:
    """Return the time to sleep; none for a negative duration."""
    return max(nanoseconds, 0) / _SECOND


def text(nanoseconds: int) -> str:
    """Return a duration as Go writes it: ``1m30s``, ``1.5s``, ``250ms``."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest == 0:
        return "0s"
    if rest < _SECOND:
        unit = "ns" if rest < 1000 else "µs" if rest < 1_000_000 else "ms"
        return f"{sign}{_number(rest, _UNITS[unit])}{unit}"
    minutes, rest = divmod(rest, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    shown = f"{_number(rest, _SECOND)}s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{sign}{hours}h{shown}" if hours else f"{sign}{shown}"


def _number(value: int, unit: int) -> str:
    """Return value / unit without zeros at its end."""
    return f"{(Decimal(value) / unit):f}"
