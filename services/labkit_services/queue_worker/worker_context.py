"""What the handlers of a worker share."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import Headers, HttpClient
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.queue_worker.config import WorkerConfig
from labkit_services.queue_worker.metrics import Counts
from labkit_services.queue_worker.outcome_store import OutcomeStore
from labkit_services.queue_worker.retry import Decision, RetryPolicy, decide
from labkit_services.queue_worker.worker_log import WorkerLog
from labkit_services.runtime.log import Log


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Settings and collaborators; ``lines`` is OpenFaaS's log."""

    config: WorkerConfig
    client: HttpClient
    outcomes: OutcomeStore
    events: EventPublisher
    counts: Counts
    lines: WorkerLog
    log: Log
    rng: random.Random = field(default_factory=random.Random)

    def policy_of(self, call: QueuedCall) -> RetryPolicy:
        """Return the retry policy, with the function's annotations."""
        return self.config.retry.with_annotations(call.retry)

    def decide(self, policy: RetryPolicy, attempt: int, status: int, headers: Headers) -> Decision:
        """Decide what follows a response, now."""
        return decide(policy, attempt, status, headers, self.rng, datetime.now(UTC))
