"""Flow control: how many messages to request from JetStream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Credit:
    """Counts running calls and requested messages.

    A message fetched before there is room for it would wait in this worker
    while its lease runs and another worker is idle. So the sum of running
    calls and requested messages never exceeds ``max_inflight``.
    """

    max_inflight: int
    in_flight: int = 0
    requested: int = 0

    def available(self) -> int:
        """Return how many more messages to request now."""
        return max(0, self.max_inflight - self.in_flight - self.requested)

    def accept(self) -> bool:
        """Count a message as running; return False if there is no room for it.

        There is none after ``max_inflight`` was lowered, or when a request
        that was assumed to be lost is answered late.
        """
        self.requested = max(0, self.requested - 1)
        if self.in_flight >= self.max_inflight:
            return False
        self.in_flight += 1
        return True

    def expire(self, count: int) -> None:
        """Count requested messages as not coming."""
        self.requested = max(0, self.requested - count)

    def finish(self) -> None:
        """Count a running call as finished."""
        self.in_flight -= 1
