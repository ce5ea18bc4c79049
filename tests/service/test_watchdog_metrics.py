"""The watchdog's metrics, scraped as Prometheus does."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from eventually import eventually
from gateways import client, deploy
from watchdogs import DEADLINE, samples, script, watchdog

from labkit import Lab


def labels(code: int, method: str) -> str:
    return f'{{code="{code}",method="{method}"}}'


@pytest.mark.row("3.1 metrics")
def test_responses_are_counted_by_code_and_method_under_openfaas_s_names(tmp_path: Path) -> None:
    function = script(tmp_path, 'case "$Http_Path" in /bad) exit 3;; /slow) sleep 0.3;; esac; cat')
    with watchdog(tmp_path, fprocess=function) as running:
        assert running.scrape() == {"http_requests_in_flight": 0}
        for method, path in (("POST", "/"), ("POST", "/slow"), ("GET", "/"), ("GET", "/bad")):
            running.call(method, path)
        running.call("PROPFIND")
        found = running.scrape()

    counts = {name: value for name, value in found.items() if name.startswith("http_requests_total")}
    assert counts == {
        f"http_requests_total{labels(200, 'post')}": 2,
        f"http_requests_total{labels(200, 'get')}": 1,
        f"http_requests_total{labels(500, 'get')}": 1,
        f"http_requests_total{labels(405, 'unknown')}": 1,
    }
    histogram = "http_request_duration_seconds"
    assert found[f"{histogram}_count{labels(200, 'post')}"] == 2
    assert 0.3 <= found[f"{histogram}_sum{labels(200, 'post')}"] < DEADLINE
    assert found[f'{histogram}_bucket{{code="200",le="0.25",method="post"}}'] == 1
    assert found[f'{histogram}_bucket{{code="200",le="+Inf",method="post"}}'] == 2


@pytest.mark.row("3.1 metrics")
def test_a_call_is_in_flight_until_its_last_byte_and_rejected_ones_are_counted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    function = script(tmp_path, 'echo first; exec cat "$TMPDIR/gate"')
    with (
        watchdog(tmp_path, fprocess=function, mode="streaming", max_inflight="1") as running,
        running.open() as answer,
    ):
        assert answer.read1(100) == b"first\n"
        assert running.call("GET", "/_/ready").status == 429, "which is not the function's answer"
        assert running.call("PUT").status == 429
        assert running.scrape()["http_requests_in_flight"] == 1
        (tmp_path / "gate").write_text("last")
        assert answer.read() == b"last"

        found = running.scrape()
    assert found["http_requests_in_flight"] == 0
    assert found[f"http_requests_total{labels(200, 'get')}"] == 1
    assert found[f"http_requests_total{labels(429, 'put')}"] == 1


@pytest.mark.row("3.1 metrics")
def test_health_checks_and_abandoned_calls_are_not_counted(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="sleep 60") as running:
        running.call("GET", "/_/health")
        with contextlib.closing(running.connect()) as connection:
            connection.request("POST", "/")
            eventually(lambda: running.scrape()["http_requests_in_flight"] == 1)
        eventually(lambda: running.scrape() == {"http_requests_in_flight": 0})


def test_the_metrics_port_serves_only_metrics_and_is_in_the_ready_message(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running:
        url = running.ready()["metrics"]
        assert running.logged("Metrics listening") == [f"Metrics listening on port: {urlsplit(url).port}"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url.removesuffix("metrics"), timeout=DEADLINE)
        assert running.call("POST", "/metrics", b"the function's own path").body == b"the function's own path"


@pytest.mark.parametrize("port", ["", "99999"])
def test_an_unavailable_metrics_port_is_logged_and_the_function_works(tmp_path: Path, port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = port or str(taken.getsockname()[1])
        with watchdog(tmp_path, fprocess="cat", metrics_port=port) as running:
            assert running.call(body=b"works").body == b"works"
            assert running.ready()["metrics"] == ""
            (line,) = running.logged("Metrics are not served")

    assert f"127.0.0.1:{port}" in line
    assert "Set metrics_port to another number, or to 0 for any." in line


@pytest.mark.row("3.1 metrics")
def test_each_replica_has_its_own_metrics_port_which_its_log_names(lab: Lab) -> None:
    with client(lab) as http:
        deploy(http, "scraped", "env", labels={"com.openfaas.scale.min": "2"})
        eventually(lambda: http.get("/system/function/scraped").json()["availableReplicas"] == 2)
        for _ in range(6):
            assert b"metrics_port" not in http.post("/function/scraped").content
        log = http.get("/system/logs", params={"name": "scraped", "tail": 100}).text

    ports = re.findall(r"Metrics listening on port: (\d+)", log)
    assert len(set(ports)) == 2
    texts = [
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE).read() for port in ports
    ]
    assert [samples(text.decode())[f"http_requests_total{labels(200, 'post')}"] for text in texts] == [3, 3]


def test_many_concurrent_scrapes_all_get_responses(tmp_path: Path) -> None:
    with watchdog(tmp_path, fprocess="cat") as running, ThreadPoolExecutor(16) as pool:
        running.call()
        found = list(pool.map(lambda _: running.scrape(), range(64)))

    assert all(each == found[0] for each in found)
    assert found[0][f"http_requests_total{labels(200, 'post')}"] == 1
