"""Dedicated queues, several workers, leases, the worker's metrics."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from asynchronous import QUICK, accept, new_function, script, settled, status, until_state
from eventually import eventually
from gateways import client
from labs import start_lab
from receiver import receiver

from labkit import Lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def worker_pid(lab: Lab) -> int:
    """Return the process id of the lab's queue-worker."""
    services = {service.name: service for service in lab.status().services}
    pid = services["queue-worker"].pid
    assert pid is not None
    return pid


@contextlib.contextmanager
def another_worker(lab: Lab, log: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a queue-worker beside the lab's own."""
    state = lab.aio.state
    environment = {
        **os.environ,
        "nats_url": state.nats_url,
        "nats_token": state.nats_token,
        "gateway_url": state.gateway_url,
        "queue_name": "*",
        "metrics_port": "0",
        **settings,
    }
    command = [sys.executable, "-P", "-m", "labkit_services.queue_worker"]
    with log.open("wb") as file:
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=file)
    assert worker.stdout is not None
    try:
        assert b'"ready": "queue-worker"' in worker.stdout.readline()
        yield worker
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()


@pytest.mark.row("2.2 dedicated queues")
@pytest.mark.alone
def test_a_slow_queue_does_not_delay_a_fast_one(http: httpx.Client) -> None:
    slow = new_function(http, "sleep 3", {"com.openfaas.queue": "slow-queue"})
    fast = new_function(http, "cat", {"com.openfaas.queue": "fast-queue"})
    blocked = [accept(http, slow) for _ in range(3)]
    until_state(http, blocked[0], "running")

    begun = time.monotonic()
    calls = [settled(http, accept(http, fast), 5) for _ in range(5)]

    assert time.monotonic() - begun < 2.5
    assert [(call["state"], call["queue"]) for call in calls] == [("done", "fast-queue")] * 5
    assert [status(http, call_id)["state"] for call_id in blocked[1:]] == ["queued"] * 2
    for call_id in reversed(blocked):
        http.delete(f"/async-function/{call_id}")


@pytest.mark.parametrize("queue", ["a.b", "a b", "x_dead", "-", ">", "q" * 64])
def test_an_invalid_queue_name_is_rejected_at_deploy(http: httpx.Client, queue: str) -> None:
    body = {
        "service": "queued",
        "image": "functions/alpine",
        "envProcess": "cat",
        "annotations": {"com.openfaas.queue": queue},
    }

    answer = http.post("/system/functions", json=body)

    assert answer.status_code == 400
    assert "com.openfaas.queue" in answer.text


@pytest.mark.alone
def test_each_queue_has_its_own_max_inflight_that_can_be_changed_at_any_time(http: httpx.Client) -> None:
    queue = "/system/queues/wide"
    nap = new_function(http, "sleep 0.5", {"com.openfaas.queue": "wide"})
    assert http.get(queue).json()["maxInflight"] == 1

    assert http.put(queue, json={"maxInflight": 8}).json()["maxInflight"] == 8
    begun = time.monotonic()
    ids = [accept(http, nap) for _ in range(8)]
    for call_id in ids:
        assert settled(http, call_id)["state"] == "done"

    assert time.monotonic() - begun < 3
    assert http.get("/system/queues/faas-request").json()["maxInflight"] == 1
    for unusable in (0, -1, 1001, "x", None, True):
        assert http.put(queue, json={"maxInflight": unusable}).status_code == 400


def test_several_workers_share_a_queue(lab: Lab, http: httpx.Client, tmp_path: Path) -> None:
    nap = new_function(http, "sleep 0.3", {"com.openfaas.queue": "shared"})
    eventually(lambda: bool(http.get("/system/queues/shared").json()["workers"]))
    with another_worker(lab, tmp_path / "worker.log") as worker:
        eventually(lambda: len(http.get("/system/queues/shared").json()["workers"]) == 2)

        for call_id in [accept(http, nap) for _ in range(8)]:
            settled(http, call_id)

        workers = http.get("/system/queues/shared").json()["workers"]
        done = {each["name"]: each["processed"] for each in workers}
        assert sum(done.values()) == 8
        assert 0 < done[f"queue-worker-{worker.pid}"] < 8


def test_a_call_longer_than_ack_wait_runs_once(workspace: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with start_lab(workspace, ack_wait="1s") as lab, client(lab) as http:
        function = new_function(http, script(tmp_path, f"echo run >> {runs}; sleep 4\n"))

        call = settled(http, accept(http, function))

    assert (call["state"], len(call["attempts"])) == ("done", 1)
    assert runs.read_text() == "run\n"


def test_a_terminated_worker_only_finishes_its_running_calls(workspace: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with start_lab(workspace) as lab, client(lab) as http:
        function = new_function(http, script(tmp_path, f"echo run >> {runs}; sleep 2\n"))
        first, second = accept(http, function), accept(http, function)
        until_state(http, first, "running")
        pid = worker_pid(lab)

        os.kill(pid, signal.SIGTERM)

        assert settled(http, first)["state"] == "done"
        eventually(lambda: not psutil.pid_exists(pid))
        assert settled(http, second)["state"] == "done"  # by the next worker, which the lab has started
        calls = [status(http, call_id) for call_id in (first, second)]

    assert [len(call["attempts"]) for call in calls] == [1, 1]
    assert runs.read_text() == "run\n" * 2


def test_a_killed_worker_loses_no_call(workspace: Path, tmp_path: Path) -> None:
    with start_lab(workspace, ack_wait="1s", max_inflight=4) as lab, client(lab) as http:
        function = new_function(http, "sleep 0.5")
        ids = [accept(http, function) for _ in range(8)]
        until_state(http, ids[0], "running")

        os.kill(worker_pid(lab), signal.SIGKILL)

        assert [settled(http, call_id, 20)["state"] for call_id in ids] == ["done"] * 8


def test_a_queue_created_while_the_worker_is_stopped_is_served(workspace: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        with lab.service("queue-worker").stopped():
            function = new_function(http, "cat", {"com.openfaas.queue": "made-meanwhile"})
            call_id = accept(http, function)

        assert settled(http, call_id)["state"] == "done"


@pytest.mark.parametrize("call_id", ["mine", "with blanks and.dots", "*", ">", "é", "x" * 5000])
def test_calls_with_the_same_id_run_once(http: httpx.Client, tmp_path: Path, call_id: str) -> None:
    runs = tmp_path / "runs"
    function = new_function(http, script(tmp_path, f"echo run >> {runs}\n"))
    own = f"{call_id}-{time.time_ns()}".encode()

    def post(_: int) -> httpx.Response:
        return http.post(f"/async-function/{function}", headers={b"X-Call-Id": own})

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))

    assert [answer.status_code for answer in answers] == [202] * 5
    assert sorted(answer.headers.get("X-Duplicate", "") for answer in answers) == [""] + ["true"] * 4
    eventually(runs.exists)
    settled(http, accept(http, function))
    eventually(lambda: runs.read_text() == "run\n" * 2)


@pytest.mark.row("2.6 queue metrics")
def test_the_worker_s_metrics_have_openfaas_names(workspace: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http, receiver() as target:
        bad = new_function(http, "false", {**QUICK, "com.openfaas.queue": "counted"})
        nap = new_function(http, "sleep 30", {"com.openfaas.queue": "counted"})
        settled(http, accept(http, bad, X_Callback_Url=target.url))
        accept(http, nap)
        accept(http, nap)
        eventually(lambda: http.get("/system/queues/counted").json()["inFlight"] == 1)
        (worker,) = http.get("/system/queues/counted").json()["workers"]
        ready = [line for line in lab.logs("queue-worker").splitlines() if "metrics=" in line][-1]

        text = httpx.get(ready.partition("metrics=")[2].split()[0]).text

    def has(line: str) -> bool:
        return f"\n{line}\n" in text

    pod = f'kubernetes_pod_name="{worker["name"]}",queue_name="counted"'
    assert has(f"queue_worker_messages_processed_total{{{pod}}} 1.0")
    assert has(f"queue_worker_messages_submitted_total{{{pod}}} 3.0")
    assert has('queue_worker_pending_messages{function_name="",queue_name="counted"} 1.0')
    assert has(f'queue_worker_function_invocation_inflight{{function_name="{nap}",queue_name="counted"}} 1.0')
    assert has("queue_worker_nats_reconnect_total 0.0")
    assert has(f'queue_worker_retries_total{{function_name="{bad}",queue_name="counted"}} 2.0')
    assert has(f'queue_worker_dead_letters_total{{function_name="{bad}",queue_name="counted"}} 1.0')
    assert has('queue_worker_callbacks_total{code="200"} 1.0')
    assert has('queue_worker_queue_dead{queue_name="counted"} 1.0')
    assert has('queue_worker_queue_outstanding{queue_name="counted"} 1.0')


def test_a_queue_s_status_counts_its_calls(http: httpx.Client) -> None:
    nap = new_function(http, "sleep 30", {"com.openfaas.queue": "counts"})
    ids = [accept(http, nap) for _ in range(3)]
    until_state(http, ids[0], "running")

    def aged() -> dict | None:
        queue = http.get("/system/queues/counts").json()
        return queue if queue["oldestSeconds"] >= 0.3 else None

    queue = eventually(aged)

    assert (queue["pending"], queue["inFlight"], queue["waitingForRetry"]) == (2, 1, 0)
    assert (queue["submitted"], queue["dead"], queue["redelivered"]) == (3, 0, 0)
    assert 0.3 <= queue["oldestSeconds"] < 10
    assert "counts" in [each["name"] for each in http.get("/system/queues").json()]
    for call_id in reversed(ids):
        http.delete(f"/async-function/{call_id}")
