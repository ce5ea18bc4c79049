"""Counters and histograms, and their Prometheus text."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from labkit_services.runtime.metrics import BUCKETS, Durations, gauge, prometheus_text


def test_durations_are_written_as_a_counter_and_a_histogram() -> None:
    durations = Durations()
    for seconds in (0.005, 0.0051, 3.0, 11.0):
        durations.observe(("f.ns", 200), seconds)
    durations.observe(('a "quoted\\name"\n', 500), 0.1)

    text = prometheus_text(
        durations.counter("calls", "Calls.", ("function", "code")),
        durations.histogram("call_seconds", "Their time.", ("function", "code")),
    ).decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert [(s.name, s.labels, s.value) for s in families["calls"].samples] == [
        ("calls_total", {"function": "f.ns", "code": "200"}, 4),
        ("calls_total", {"function": 'a "quoted\\name"\n', "code": "500"}, 1),
    ]
    of_f = [s for s in families["call_seconds"].samples if s.labels["function"] == "f.ns"]
    buckets = {s.labels["le"]: s.value for s in of_f if s.name == "call_seconds_bucket"}
    assert list(buckets) == [*map(str, BUCKETS), "+Inf"]
    assert [buckets[le] for le in ("0.005", "0.01", "2.5", "5.0", "10.0", "+Inf")] == [1, 2, 2, 3, 3, 4]
    assert {s.name: s.value for s in of_f}["call_seconds_sum"] == pytest.approx(14.0101)


def test_forget_removes_the_matching_labels_only() -> None:
    durations = Durations()
    for name in ("stays", "goes"):
        durations.observe((name, 200), 1.0)

    durations.forget(lambda labels: labels[0] == "goes")

    text = prometheus_text(durations.histogram("seconds", "Time.", ("name", "code"))).decode()
    assert durations.counts == {("stays", 200): 1}
    assert "goes" not in text
    assert 'seconds_count{code="200",name="stays"} 1.0' in text


def test_a_gauge_may_have_labels() -> None:
    text = prometheus_text(
        gauge("in_flight", "Now.", (), [((), 3)]), gauge("replicas", "Now.", ("name",), [(("f",), 2)])
    ).decode()

    assert "\nin_flight 3.0\n" in text
    assert '\nreplicas{name="f"} 2.0\n' in text


@pytest.mark.parametrize("service", ["gateway", "watchdog"])
def test_services_start_without_importing_prometheus_client(service: str) -> None:
    program = f"import labkit_services.{service}.__main__, sys; sys.exit('prometheus_client' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
