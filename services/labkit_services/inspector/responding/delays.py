"""Delays of responses, as rules and URLs write them."""

from __future__ import annotations

import math
import re

from labkit_services.contract.durations import parse_duration
from labkit_services.contract.errors import InvalidValueError

MAX_DELAY_SECONDS = 30.0
"""Longer than that, most clients have given up."""
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}")


def parse_delay(name: str, value: object, longest: float = MAX_DELAY_SECONDS) -> float:
    """Return seconds: ``2``, ``0.25``, ``"0.25"``, ``"250ms"``, ``"1m5s"``.

    Anything else, and what is negative or above ``longest``, raises
    InvalidValueError.
    """
    expected = f"0 to {longest:g} seconds, such as 0.5, 2s or 250ms"
    seconds = -1.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A JSON integer may be too large for a float.
        seconds = float(value) if abs(value) <= longest else math.inf
    elif isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        seconds = float(value)
    elif isinstance(value, str):
        try:
            seconds = parse_duration(value)
        except InvalidValueError:
            raise InvalidValueError(
                f"{name} is not a duration", expected=expected, seen=ascii(value[:40])
            ) from None
    if not 0 <= seconds <= longest:
        raise InvalidValueError(f"{name} is out of range", expected=expected, seen=ascii(value)[:40])
    return seconds
