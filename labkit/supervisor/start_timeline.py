"""The time that each step of a lab's start took."""

from __future__ import annotations

import time
from typing import Any


class StartTimeline:
    """Named time spans, in milliseconds since the start was requested.

    They are measured in wall-clock time, because another process took the time
    of the request.
    """

    def __init__(self, zero_ns: int) -> None:
        self._zero_ns = zero_ns
        self._spans: list[tuple[str, int, int]] = []

    def add(self, name: str, start_ns: int, end_ns: int | None = None) -> None:
        """Add a span that ends now unless ``end_ns`` is given."""
        self._spans.append((name, start_ns, end_ns or time.time_ns()))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the spans in order of their start."""
        return [
            {"name": name, "start_ms": (start - self._zero_ns) / 1e6, "end_ms": (end - self._zero_ns) / 1e6}
            for name, start, end in sorted(self._spans, key=lambda span: span[1:])
        ]
