"""Ids of captured requests, which sort by time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LENGTH = 26
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
_TAIL_BITS = 20
REQUEST_ID = re.compile(rf"[{_DIGITS}]{{{_LENGTH}}}")


class RequestIds:
    """Generates ULIDs: 48 bits of milliseconds, 80 random bits, 26 letters.

    See github.com/ulid/spec. Each is greater than the one before, even within
    a millisecond and when the clock is set back: so "after this id" is defined
    even when the request with this id was deleted. With ``after`` they are
    greater than this id, too.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns, *, after: str = "") -> None:
        self._clock_ns = clock_ns
        self._last = 0
        self._head = (-1, "")
        for digit in after:
            self._last = self._last << 5 | _DIGITS.index(digit)

    def next(self) -> str:
        """Return a new id."""
        millis = self._clock_ns() // 1_000_000
        if millis <= self._last >> _RANDOM_BITS:
            self._last += 1
        else:
            self._last = millis << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
        last = self._last
        # Within a millisecond only the last four digits change, mostly.
        if self._head[0] != last >> _TAIL_BITS:
            digits = "".join([_PAIRS[last >> shift & 1023] for shift in _SHIFTS])
            self._head = last >> _TAIL_BITS, digits[:-4]
            return digits
        return self._head[1] + _PAIRS[last >> 10 & 1023] + _PAIRS[last & 1023]
