"""Durations as OpenFaaS writes them."""

from __future__ import annotations

import re

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import parse_digits

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """Return a duration in seconds.

    As in OpenFaaS's gateway and watchdog, a plain integer is seconds, anything else is
    a Go duration such as ``1m5s`` or ``250ms`` (Go's ``time.ParseDuration``).

    Raises:
        InvalidValueError: ``text`` is neither.
    """
    text = text.strip()
    if (whole := parse_digits(text)) is not None:
        return float(whole)
    seconds, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        seconds += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    if not text or end != len(text):
        raise InvalidValueError(
            f"{text!r} is not a duration",
            expected="seconds as a whole number, or a Go duration such as 500ms, 30s, 1m5s",
        )
    return seconds


def format_duration(seconds: float) -> str:
    """Format a duration as Go's ``Duration.String``: ``30s``, ``1m5s``, ``250ms``."""
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:g}s"
    if minutes or hours:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text
