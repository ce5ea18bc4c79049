"""Durations as a learner writes them: seconds, or text such as "200ms"."""

from __future__ import annotations

from labkit.errors import InvalidValueError
from labkit_services.contract.durations import parse_duration


def to_seconds(duration: str | float) -> float:
    """Return a duration in seconds: of 3, 0.5, "3s" or "200ms"."""
    seconds = parse_duration(duration) if isinstance(duration, str) else float(duration)
    if not seconds >= 0:
        raise InvalidValueError("a duration is negative", expected="0 or more seconds", seen=repr(duration))
    return seconds


def to_go(duration: str | float) -> str:
    """Return a duration in Go's form, to the millisecond: ``200ms``."""
    return f"{round(to_seconds(duration) * 1000)}ms"
