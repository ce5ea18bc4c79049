"""Durations as OpenFaaS writes them."""

from __future__ import annotations

import re

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import parse_digits

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_PARTS = re.compile(f"(?:{_PART.pattern})+")


def parse_duration(text: str) -> float:
    """Return a duration in seconds, or raise ``InvalidValueError``.

    As in OpenFaaS's gateway and watchdog, a plain integer is seconds, anything
    else is a Go duration such as ``1m5s`` or ``250ms`` (Go's
    ``time.ParseDuration``).
    """
    text = text.strip()
    if (whole := parse_digits(text)) is not None:
        return float(whole)
    if not _PARTS.fullmatch(text):
        raise InvalidValueError(
            f"{text!r} is not a duration",
            expected="seconds as a whole number, or a Go duration such as 500ms, 30s, 1m5s",
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Format a duration as in Go: ``30s``, ``1m5s``, ``250ms``."""
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{seconds:g}s"
    if minutes or hours:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text
