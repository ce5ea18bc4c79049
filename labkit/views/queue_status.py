"""What is known of a queue at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.views.measurement import format_seconds


@dataclass(frozen=True)
class WorkerStatus:
    """One queue-worker's part in a queue.

    Attributes:
        name: Such as ``queue-worker-4711``.
        max_inflight: Calls that it runs at once.
        in_flight: Calls that it runs now.
        processed: Calls that it has finished with since its start.
        redelivered: Deliveries that it got which were not the first of their call.
    """

    name: str
    max_inflight: int
    in_flight: int
    processed: int
    redelivered: int


@dataclass(frozen=True)
class QueueStatus:
    """A queue at one moment.

    Attributes:
        name: Its name.
        pending: Calls that nobody has taken yet.
        in_flight: Calls that run now.
        waiting_for_retry: Calls that failed and are put off.
        redelivered: Of all that are not done, how many were delivered more than once.
        oldest_seconds: Age of the oldest call that is not done; 0 if there is none.
        submitted: Calls that were ever put in.
        dead: Dead letters that are kept.
        max_inflight: Calls that each of its workers runs at once; 0 if it has none.
        workers: Who works on it.
    """

    name: str
    pending: int
    in_flight: int
    waiting_for_retry: int
    redelivered: int
    oldest_seconds: float
    submitted: int
    dead: int
    max_inflight: int
    workers: tuple[WorkerStatus, ...]

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> QueueStatus:
        """Read the gateway's account of it."""
        workers = tuple(
            WorkerStatus(
                name=worker["name"],
                max_inflight=worker["maxInflight"],
                in_flight=worker["inFlight"],
                processed=worker["processed"],
                redelivered=worker["redelivered"],
            )
            for worker in told["workers"]
        )
        return cls(
            name=told["name"],
            pending=told["pending"],
            in_flight=told["inFlight"],
            waiting_for_retry=told["waitingForRetry"],
            redelivered=told["redelivered"],
            oldest_seconds=told["oldestSeconds"],
            submitted=told["submitted"],
            dead=told["dead"],
            # Not the gateway's sum over all workers: what can be set is a worker's.
            max_inflight=max((worker.max_inflight for worker in workers), default=0),
            workers=workers,
        )

    def row(self) -> tuple[str, ...]:
        """Return its row in a table with ``HEADING`` above."""
        return (
            self.name,
            str(self.pending),
            str(self.in_flight),
            str(self.waiting_for_retry),
            format_seconds(self.oldest_seconds) if self.oldest_seconds else "",
            str(self.redelivered),
            str(self.submitted),
            str(self.dead),
            str(self.max_inflight),
            str(len(self.workers)),
        )


HEADING = (
    "queue",
    "pending",
    "in flight",
    "waiting for retry",
    "oldest",
    "redelivered",
    "submitted",
    "dead",
    "max_inflight",
    "workers",
)
