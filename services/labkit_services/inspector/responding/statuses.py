"""The statuses that a response can have."""

from __future__ import annotations

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.numbers import parse_digits

WITHOUT_BODY = frozenset({204, 205, 304})
"""No body may follow (RFC 9110 §15.3.5, §15.3.6, §15.4.5)."""
_LOWEST, _HIGHEST = 200, 599
_EXPECTED = f"a final status from {_LOWEST} to {_HIGHEST}, or 0 to close the connection"


def check_status(name: str, value: object) -> int:
    """Return a status, given as a number or as digits: 200 to 599, or 0.

    0 closes the connection without a response.

    100 to 199 are interim: a client that gets one waits for the final
    response (RFC 9110 §15.2). So no response can have them.
    """
    number = parse_digits(value) if isinstance(value, str) else value
    if isinstance(number, int) and not isinstance(number, bool):
        if number == 0 or _LOWEST <= number <= _HIGHEST:
            return number
        if 100 <= number < _LOWEST:
            raise InvalidValueError(
                f"{name}: {number} is an interim status, after which a client waits for the final one",
                expected=_EXPECTED,
                seen=str(number),
            )
    raise InvalidValueError(
        f"{name} is not a status of a response", expected=_EXPECTED, seen=ascii(value)[:40]
    )
