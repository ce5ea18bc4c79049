"""Numbers that come from outside."""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError


def whole_number(name: str, value: object, most: int | None) -> int:
    """Return ``value`` if it is a whole number from 1 to ``most``; None is no upper bound.

    Raises:
        InvalidValueError: It is none.
    """
    # True is an int, too.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most and value > most):
        raise InvalidValueError(
            f"{name} is out of range",
            expected="a whole number from 1" + (f" to {most}" if most else ""),
            seen=repr(value),
        )
    return value
