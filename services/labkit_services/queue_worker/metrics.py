"""The queue-worker's metrics: counts and their Prometheus text.

Names as in OpenFaaS Pro (its docs, architecture/metrics), and some of the
lab's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit_services.jetstream.queue_depth import QueueDepth
from labkit_services.runtime.metrics import counter, gauge, prometheus_text

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PerFunction = Counter[tuple[str | int, ...]]
"""By queue and function."""


@dataclass(slots=True)
class Counts:
    """Counts since the start of the worker."""

    processed: Counter[str] = field(default_factory=Counter)
    in_flight: PerFunction = field(default_factory=Counter)
    retries: PerFunction = field(default_factory=Counter)
    dead: PerFunction = field(default_factory=Counter)
    callbacks: Counter[str] = field(default_factory=Counter)
    reconnects: int = 0

    @contextmanager
    def running(self, queue: str, function: str) -> Iterator[None]:
        """Count a call as in flight."""
        key = (queue, function)
        self.in_flight[key] += 1
        try:
            yield
        finally:
            self.in_flight[key] -= 1
            if not self.in_flight[key]:
                del self.in_flight[key]  # else old names would accumulate


def text(instance: str, counts: Counts, depths: Sequence[QueueDepth]) -> bytes:
    """Return the Prometheus text."""
    return prometheus_text(*_openfaas_pro(instance, counts, depths), *_our_own(counts, depths))


def _openfaas_pro(instance: str, counts: Counts, depths: Sequence[QueueDepth]) -> Iterator[Metric]:
    pod, function = ("queue_name", "kubernetes_pod_name"), ("queue_name", "function_name")
    processed = [((depth.queue, instance), counts.processed[depth.queue]) for depth in depths]
    yield counter("queue_worker_messages_processed", "Calls processed", pod, processed)
    submitted = [((depth.queue, instance), depth.submitted) for depth in depths]
    yield gauge("queue_worker_messages_submitted_total", "Calls queued", pod, submitted)
    # A queue is one subject: JetStream can't count the messages per function.
    pending = [((depth.queue, ""), depth.pending) for depth in depths]
    yield gauge("queue_worker_pending_messages", "Calls waiting in the queue", function, pending)
    running = counts.in_flight.items()
    yield gauge("queue_worker_function_invocation_inflight", "Calls running now", function, running)
    reconnects = [((), counts.reconnects)]
    yield counter("queue_worker_nats_reconnect", "Reconnects to nats-server", (), reconnects)


def _our_own(counts: Counts, depths: Sequence[QueueDepth]) -> Iterator[Metric]:
    function, retries = ("queue_name", "function_name"), counts.retries.items()
    yield counter("queue_worker_retries", "Retries scheduled after a failure", function, retries)
    yield counter("queue_worker_dead_letters", "Calls dead-lettered", function, counts.dead.items())
    callbacks = [((code,), count) for code, count in counts.callbacks.items()]
    yield counter("queue_worker_callbacks", "Callback requests, by response", ("code",), callbacks)
    for name, what in (
        ("outstanding", "Calls delivered and not acknowledged: running, or waiting for a retry"),
        ("redelivered", "Of those, the calls delivered more than once"),
        ("oldest_seconds", "Age of the oldest unfinished call"),
        ("dead", "Dead letters kept"),
    ):
        values = [((depth.queue,), getattr(depth, name)) for depth in depths]
        yield gauge(f"queue_worker_queue_{name}", what, ("queue_name",), values)
