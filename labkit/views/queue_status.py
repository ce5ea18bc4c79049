"""The status of a queue and of its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any, ClassVar

from labkit.views.formatting import format_seconds
from labkit.views.tables import TableList

WORKER_HEADING = ("worker", "max_inflight", "in flight", "processed", "redelivered")
_COUNTS = ("redelivered", "submitted", "dead", "max_inflight", "workers")
HEADING = ("queue", "pending", "in flight", "waiting for retry", "oldest", *_COUNTS)


@dataclass(frozen=True)
class WorkerStatus:
    """One queue-worker, as far as one queue is concerned.

    Attributes:
        name: Such as ``queue-worker-4711``.
        max_inflight: Most calls that it runs at once.
        in_flight: Calls that it is running.
        processed: Calls that it has settled since its start.
        redelivered: Deliveries to it that were not the first of their call.
    """

    name: str
    max_inflight: int
    in_flight: int
    processed: int
    redelivered: int

    def row(self) -> tuple[str, ...]:
        """Return the worker's row of a table with ``WORKER_HEADING``."""
        return tuple(map(str, astuple(self)))


@dataclass(frozen=True)
class QueueStatus:
    """A queue at one moment.

    Attributes:
        name: The queue's name.
        pending: Calls that have not been delivered to a worker.
        in_flight: Calls that are running.
        waiting_for_retry: Calls that failed and wait for their next attempt.
        redelivered: How many of the unsettled calls were delivered more than
            once.
        oldest_seconds: Age of the oldest unsettled call; 0 if there is none.
        submitted: Calls that were queued since the queue was created.
        dead: Dead letters in store.
        max_inflight: Most calls that each of its workers runs at once; 0
            without workers.
        workers: The queue-workers that serve it.
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
    def from_json(cls, document: Mapping[str, Any]) -> QueueStatus:
        """Return the queue status of a gateway's document."""
        workers = tuple(WorkerStatus(**_values(WorkerStatus, worker)) for worker in document["workers"])
        # Not the gateway's sum over all workers: the limit that can be set is
        # one worker's.
        max_inflight = max((worker.max_inflight for worker in workers), default=0)
        return cls(**{**_values(cls, document), "max_inflight": max_inflight, "workers": workers})

    def row(self) -> tuple[str, ...]:
        """Return the queue's row of a table with ``HEADING``."""
        oldest = format_seconds(self.oldest_seconds) if self.oldest_seconds else ""
        waiting = (self.pending, self.in_flight, self.waiting_for_retry)
        counts = (self.redelivered, self.submitted, self.dead, self.max_inflight, len(self.workers))
        return (self.name, *map(str, waiting), oldest, *map(str, counts))


class QueueFigures(TableList[QueueStatus]):
    """The status of each queue at one moment."""

    heading: ClassVar[tuple[str, ...]] = HEADING
    empty: ClassVar[str] = "no queues"


def _values(record: type[QueueStatus | WorkerStatus], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's values; JSON says ``maxInflight``, for example."""
    names = [field.name for field in fields(record)]
    return {name: document[name[0] + name.title().replace("_", "")[1:]] for name in names}
