"""The gateway's metrics, named as in OpenFaaS (gateway/metrics/metrics.go)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.runtime.log import LineWriter
from labkit_services.runtime.metrics import Durations, gauge, prometheus_text

_FUNCTION = ("function_name",)
_STATUS = (*_FUNCTION, "code")


class Metrics:
    """Counts of synchronous calls, by ``name.namespace`` and status code."""

    def __init__(self) -> None:
        self._started: defaultdict[str, int] = defaultdict(int)
        self._finished = Durations()

    def start(self, function: str) -> None:
        """Count a call that starts."""
        self._started[function] += 1

    def finish(self, function: str, code: int, seconds: float) -> None:
        """Count a call that has ended."""
        self._finished.observe((function, code), seconds)

    def finished(self, function: str, code: int) -> int:
        """Return how many calls of a function ended with a status code."""
        return self._finished.counts.get((function, code), 0)

    def invocations(self, function: str) -> int:
        """Return how many calls of a function have ended."""
        return sum(count for (name, _), count in self._finished.counts.items() if name == function)

    def forget(self, function: str) -> None:
        """Drop the counts of a removed function: names may be many."""
        self._started.pop(function, None)
        self._finished.forget(lambda labels: labels[0] == function)

    def text(self, replicas: Mapping[str, int]) -> bytes:
        """Return Prometheus's text; ``replicas`` are the ready ones."""
        return prometheus_text(
            self._finished.counter("gateway_function_invocation", "Function metrics", _STATUS),
            self._finished.histogram("gateway_functions_seconds", "Function time taken", _STATUS),
            # In OpenFaaS this counter has no _total at its end.
            gauge(
                "gateway_function_invocation_started",
                "The total number of function HTTP requests started.",
                _FUNCTION,
                (((name,), count) for name, count in self._started.items()),
            ),
            gauge(
                "gateway_service_count",
                "Current count of replicas for function",
                _FUNCTION,
                (((name,), count) for name, count in replicas.items()),
            ),
        )


@dataclass(frozen=True)
class Telemetry:
    """Where each call is reported: event log, gateway's log, metrics."""

    events: EventPublisher
    lines: LineWriter
    metrics: Metrics
