"""What the queue-worker counts, and its Prometheus text.

Names as in OpenFaaS Pro (its docs, architecture/metrics); those it has not are marked. As
in the gateway, prometheus-client is imported at the first scrape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.depth import QueueDepth

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PerFunction = Counter[tuple[str, str]]
"""By queue and function."""


@dataclass(slots=True)
class Counts:
    """What the worker has counted since its start."""

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
                del self.in_flight[key]  # names that come and go must not add up


def text(instance: str, counts: Counts, depths: Sequence[QueueDepth]) -> bytes:
    """Return the Prometheus text."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Collector:
        def collect(self) -> Iterable[Metric]:
            return families(instance, counts, depths)

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)


def families(instance: str, counts: Counts, depths: Sequence[QueueDepth]) -> Iterator[Metric]:
    """Yield the metrics in prometheus-client's form."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    pod = ["queue_name", "kubernetes_pod_name"]
    function = ["queue_name", "function_name"]
    processed = CounterMetricFamily(
        "queue_worker_messages_processed", "Calls that were dealt with", labels=pod
    )
    submitted = GaugeMetricFamily(
        "queue_worker_messages_submitted_total", "Calls that were put into the queue", labels=pod
    )
    # A queue is one subject: JetStream does not know how many of its messages are for which function.
    pending = GaugeMetricFamily(
        "queue_worker_pending_messages", "Calls waiting in the queue", labels=function
    )
    for depth in depths:
        processed.add_metric([depth.queue, instance], counts.processed[depth.queue])
        submitted.add_metric([depth.queue, instance], depth.submitted)
        pending.add_metric([depth.queue, ""], depth.pending)
    yield from (processed, submitted, pending)
    in_flight = GaugeMetricFamily(
        "queue_worker_function_invocation_inflight", "Calls running now", labels=function
    )
    for key, count in counts.in_flight.items():
        in_flight.add_metric(key, count)
    yield in_flight
    yield CounterMetricFamily(
        "queue_worker_nats_reconnect", "Times the connection to nats-server came back", counts.reconnects
    )
    # What follows is the lab's own.
    retries = CounterMetricFamily("queue_worker_retries", "Attempts put off after a failure", labels=function)
    for key, count in counts.retries.items():
        retries.add_metric(key, count)
    dead = CounterMetricFamily("queue_worker_dead_letters", "Calls given up", labels=function)
    for key, count in counts.dead.items():
        dead.add_metric(key, count)
    callbacks = CounterMetricFamily("queue_worker_callbacks", "Callbacks posted, by answer", labels=["code"])
    for code, count in counts.callbacks.items():
        callbacks.add_metric([code], count)
    yield from (retries, dead, callbacks)
    for name, what in (
        ("outstanding", "Calls taken and not yet acknowledged: running, or waiting to be tried again"),
        ("redelivered", "Of those, how many were delivered more than once"),
        ("oldest_seconds", "Age of the oldest call that is not done"),
        ("dead", "Dead letters kept"),
    ):
        gauge = GaugeMetricFamily(f"queue_worker_queue_{name}", what, labels=["queue_name"])
        for depth in depths:
            gauge.add_metric([depth.queue], getattr(depth, name))
        yield gauge
