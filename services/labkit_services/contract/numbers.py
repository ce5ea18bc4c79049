"""Whole numbers that come from outside: parsed and checked in one way."""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError

_MAX_DIGITS = 19
"""Enough for Unix nanoseconds."""


def parse_digits(text: str) -> int | None:
    """Return the number of 1 to 19 ASCII digits, else None.

    Python's ``int`` also accepts signs, blanks, underscores and the digits of
    other scripts.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None


def parse_whole_number(name: str, text: str, lowest: int, highest: int) -> int:
    """Parse a number in a range, or raise ``InvalidValueError``."""
    number = parse_digits(text)
    if number is None or not lowest <= number <= highest:
        raise _out_of_range(name, f"a whole number from {lowest} to {highest}", ascii(text))
    return number


def whole_number(name: str, value: object, highest: int | None) -> int:
    """Return an integer from 1 to ``highest``, or raise InvalidValueError."""
    # A bool is an int, too.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (highest and value > highest):
        expected = "a whole number from 1" + (f" to {highest}" if highest else "")
        raise _out_of_range(name, expected, repr(value))
    return value


def _out_of_range(name: str, expected: str, seen: str) -> InvalidValueError:
    return InvalidValueError(f"{name} is out of range", expected=expected, seen=seen)
