"""How many messages to ask JetStream for: never more than can be run at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Credit:
    """Counts calls in flight and messages asked for.

    A message fetched before there is room for it would sit in this worker
    while its lease runs and another worker is idle. So the sum of what runs
    and what is on its way never exceeds ``max_inflight``.
    """

    max_inflight: int
    in_flight: int = 0
    asked: int = 0

    def need(self) -> int:
        """Return how many more messages to ask for now."""
        return max(0, self.max_inflight - self.in_flight - self.asked)

    def ask(self, count: int) -> None:
        """Note that ``count`` messages were asked for."""
        self.asked += count

    def arrived(self) -> bool:
        """Note a message; return False if there is no room for it after all.

        That happens when ``max_inflight`` was lowered, or when a request
        thought lost was answered after all.
        """
        self.asked = max(0, self.asked - 1)
        if self.in_flight >= self.max_inflight:
            return False
        self.in_flight += 1
        return True

    def unanswered(self, count: int) -> None:
        """Note that ``count`` of those asked for will not come."""
        self.asked = max(0, self.asked - count)

    def done(self) -> None:
        """Note that a call in flight is over."""
        self.in_flight -= 1

    def forget(self) -> None:
        """Note that the server forgot what it was asked for: it was restarted."""
        self.asked = 0
