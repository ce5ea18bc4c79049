"""Where each millisecond of a start went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Timeline:
    """Named stretches of time, in milliseconds from the moment the start was asked for.

    Wall time, because the moment of asking is another process's.
    """

    def __init__(self, zero_ns: int) -> None:
        self._zero = zero_ns
        self._spans: list[tuple[str, int, int]] = []

    def add(self, name: str, start_ns: int, end_ns: int | None = None) -> None:
        """Note a stretch that ends now unless ``end_ns`` is given."""
        self._spans.append((name, start_ns, end_ns or time.time_ns()))

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Note how long the block takes, failed or not."""
        start = time.time_ns()
        try:
            yield
        finally:
            self.add(name, start)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the stretches in order of their start."""
        return [
            {"name": name, "start_ms": (start - self._zero) / 1e6, "end_ms": (end - self._zero) / 1e6}
            for name, start, end in sorted(self._spans, key=lambda span: span[1:])
        ]
