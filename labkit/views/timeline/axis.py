"""Round marks of a time axis."""

from __future__ import annotations

import math
from collections.abc import Iterator

_STEPS = (1, 2, 5, 10)
_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))


def ticks(seconds: float, most: int = 8) -> list[float]:
    """Return at most ``most`` round times from 0 to ``seconds``."""
    if seconds <= 0:
        return [0.0]
    step = next(step for step in _round_steps() if seconds / step < most)
    return [index * step for index in range(int(seconds / step + 1e-9) + 1)]


def _round_steps() -> Iterator[float]:
    """Yield 1, 2 or 5 times a power of ten; then minutes and hours."""
    for power in range(-6, 2):
        for step in _STEPS[:3]:
            yield step * 10.0**power
    yield from (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
    hours = 2.0
    while True:
        yield hours * 3600
        hours *= 2


def tick_text(seconds: float, step: float) -> str:
    """Return a time in the unit that suits the step between two ticks."""
    if seconds == 0:
        return "0"
    unit, name = next((unit, name) for unit, name in _UNITS if step >= unit or name == "ms")
    digits = max(0, -math.floor(math.log10(step / unit)))
    return f"{seconds / unit:.{digits}f} {name}"
