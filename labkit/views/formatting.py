"""Durations and amounts of memory as text, and the width of a text."""

from __future__ import annotations


def format_seconds(seconds: float | None, missing: str = "") -> str:
    """Format a duration with its significant digits; None as ``missing``.

    Such as ``10.1 s``, ``1.02 s``, ``0.003 s``: always a decimal number and
    `` s``, so that one pattern matches all of them.
    """
    if seconds is None:
        return missing
    if abs(seconds) >= 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.2f} s" if abs(seconds) >= 0.01 else f"{seconds:.3f} s"


def format_age(seconds: float) -> str:
    """Format a duration in a suitable unit: ``42 s``, ``3 min``, ``2 h``."""
    if seconds < 100:
        return f"{max(0, round(seconds))} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"


def format_bytes(count: int) -> str:
    """Format an amount of memory in MB; "" for 0, which means unknown."""
    return f"{count / 1e6:.0f} MB" if count else ""


def text_width(text: str) -> int:
    """Return the columns of a terminal that a text takes: 2 for a 字."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width  # few texts need it

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
