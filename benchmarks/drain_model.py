"""A queue's drain, simulated: calls, slots of workers, cores. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace


@dataclass(frozen=True)
class DrainModel:
    """What one call costs.

    Attributes:
        cpu: Seconds of one core, in all of the lab's processes together.
        wait: Seconds in which the call occupies its worker's slot and no core:
            the function's sleep, and what passes between the processes.
        cores: Cores that the lab has.
    """

    cpu: float
    wait: float
    cores: int

    def seconds(self, calls: int, slots: int) -> float:
        """Simulate a full queue; return when the last call has ended.

        Each slot takes the next call, uses the first free core, then waits.
        Slots are served in the order in which they become free.

        Args:
            calls: Calls on the queue at the beginning.
            slots: Workers times ``max_inflight``.
        """
        free_slots, free_cores = [0.0] * slots, [0.0] * self.cores
        heapify(free_slots)
        end = 0.0
        for _ in range(calls):
            computed = max(free_slots[0], free_cores[0]) + self.cpu
            heapreplace(free_cores, computed)
            heapreplace(free_slots, computed + self.wait)
            end = max(end, computed + self.wait)
        return end

    def rate(self, slots: int) -> float:
        """Return the calls per second of a long queue, from its bounds."""
        return min(slots / (self.cpu + self.wait), self.cores / self.cpu)
