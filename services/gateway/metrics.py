"""What the gateway counts, and its Prometheus text.

Counting is a dictionary entry on the hot path. prometheus-client is imported at
the first scrape, not at start: it costs 0.15 s and only writes the text.
Names as in OpenFaaS (gateway/metrics/metrics.go).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Prometheus's default buckets, which the real gateway uses."""


class Metrics:
    """Counts of synchronous calls, by ``name.namespace`` and status code."""

    def __init__(self) -> None:
        self.started: defaultdict[str, int] = defaultdict(int)
        self.codes: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._seconds: defaultdict[tuple[str, int], float] = defaultdict(float)
        self._buckets: dict[tuple[str, int], list[int]] = {}

    def start(self, function: str) -> None:
        """Count a call that begins."""
        self.started[function] += 1

    def finish(self, function: str, code: int, seconds: float) -> None:
        """Count a call that was answered."""
        key = (function, code)
        self.codes[key] += 1
        self._seconds[key] += seconds
        counts = self._buckets.get(key)
        if counts is None:
            counts = self._buckets[key] = [0] * (len(BUCKETS) + 1)
        counts[bisect_left(BUCKETS, seconds)] += 1

    def invocations(self, function: str) -> int:
        """Return how many calls of a function were answered."""
        return sum(count for (name, _), count in self.codes.items() if name == function)

    def forget(self, function: str) -> None:
        """Drop the counts of a removed function, so that names that come and go don't add up."""
        self.started.pop(function, None)
        for counts in (self.codes, self._seconds, self._buckets):
            for key in [key for key in counts if key[0] == function]:
                del counts[key]

    def text(self, replicas: Mapping[str, int]) -> bytes:
        """Return the Prometheus text; ``replicas`` are those available now, by function."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(self, replicas))
        return generate_latest(registry)

    def families(self, replicas: Mapping[str, int]) -> Iterable[Metric]:
        """Yield the metrics in prometheus-client's form."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        total = CounterMetricFamily(
            "gateway_function_invocation", "Function metrics", labels=["function_name", "code"]
        )
        histogram = HistogramMetricFamily(
            "gateway_functions_seconds", "Function time taken", labels=["function_name", "code"]
        )
        for (name, code), count in self.codes.items():
            total.add_metric([name, str(code)], count)
            running, buckets = 0, []
            for bound, number in zip([*map(str, BUCKETS), "+Inf"], self._buckets[name, code], strict=True):
                running += number
                buckets.append((bound, running))
            histogram.add_metric([name, str(code)], buckets, self._seconds[name, code])
        # In OpenFaaS this counter has no _total at its end.
        started = GaugeMetricFamily(
            "gateway_function_invocation_started",
            "The total number of function HTTP requests started.",
            labels=["function_name"],
        )
        for name, count in self.started.items():
            started.add_metric([name], count)
        service = GaugeMetricFamily(
            "gateway_service_count", "Current count of replicas for function", labels=["function_name"]
        )
        for name, count in replicas.items():
            service.add_metric([name], count)
        return (total, histogram, started, service)


class _Collector:
    def __init__(self, metrics: Metrics, replicas: Mapping[str, int]) -> None:
        self._metrics = metrics
        self._replicas = replicas

    def collect(self) -> Iterable[Any]:
        return self._metrics.families(self._replicas)
