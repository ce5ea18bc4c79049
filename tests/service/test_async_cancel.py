"""Cancelling a call in any state; reading its status and result."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

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


@pytest.mark.row("2.6 cancel")
def test_cancelling_a_running_call_ends_its_process(http: httpx.Client) -> None:
    with receiver() as target:
        call_id = accept(http, new_function(http, "sleep 60"), X_Callback_Url=target.url)
        eventually(lambda: any(attempt["process"] for attempt in status(http, call_id)["attempts"]))
        pid = status(http, call_id)["attempts"][0]["process"]["pid"]
        assert psutil.pid_exists(pid)

        assert http.delete(f"/async-function/{call_id}").status_code == 202

        eventually(lambda: not psutil.pid_exists(pid), within=3)
        assert settled(http, call_id)["state"] == "cancelled"
        # The slot is free again, and no callback was posted.
        assert settled(http, accept(http, new_function(http, "cat")), 5)["state"] == "done"
        assert target.requests == []
    assert http.get("/system/queues/faas-request").json()["inFlight"] == 0


@pytest.mark.row("2.6 cancel")
def test_a_cancelled_queued_call_never_runs(http: httpx.Client, tmp_path: Path) -> None:
    queue = {"com.openfaas.queue": "narrow"}
    ran = tmp_path / "ran"
    first = accept(http, new_function(http, "sleep 1", queue))
    second = accept(http, new_function(http, script(tmp_path, f"touch {ran}\n"), queue))
    until_state(http, first, "running")

    assert http.delete(f"/async-function/{second}").status_code == 202

    assert http.get("/system/queues/narrow").json()["pending"] == 0
    assert settled(http, first)["state"] == "done"
    assert settled(http, second)["state"] == "cancelled"
    assert status(http, second)["attempts"] == []
    assert not ran.exists()


@pytest.mark.row("2.6 cancel")
def test_a_cancelled_call_is_not_retried(http: httpx.Client) -> None:
    call_id = accept(
        http,
        new_function(
            http,
            "false",
            {**QUICK, "com.openfaas.retry.min_wait": "30s", "com.openfaas.retry.max_wait": "30s"},
        ),
    )
    until_state(http, call_id, "retrying")

    assert http.delete(f"/async-function/{call_id}").status_code == 202

    call = settled(http, call_id)
    assert (call["state"], len(call["attempts"])) == ("cancelled", 1)
    eventually(lambda: http.get("/system/queues/faas-request").json()["waitingForRetry"] == 0)
    assert len(status(http, call_id)["attempts"]) == 1


def test_finished_unknown_and_synchronous_calls_cannot_be_cancelled(http: httpx.Client) -> None:
    done = accept(http, new_function(http, "cat"))
    settled(http, done)
    sync = http.post(f"/function/{new_function(http, 'cat')}").headers["X-Call-Id"]
    eventually(lambda: http.get(f"/async-function/{sync}").status_code == 200)

    assert http.delete(f"/async-function/{done}").status_code == 409
    assert http.delete(f"/async-function/{sync}").status_code == 409
    assert http.delete(f"/async-function/{uuid.uuid4()}").status_code == 404


def test_cancelling_twice_is_idempotent(http: httpx.Client) -> None:
    call_id = accept(http, new_function(http, "sleep 60"))
    until_state(http, call_id, "running")

    assert [http.delete(f"/async-function/{call_id}").status_code for _ in range(2)] == [202, 202]


@pytest.mark.row("2.6 cancel")
def test_a_call_cancelled_while_the_worker_is_stopped_never_runs(workspace: Path, tmp_path: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        ran = tmp_path / "ran"
        function = new_function(http, script(tmp_path, f"touch {ran}\n"))
        with lab.service("queue-worker").stopped():
            call_id = accept(http, function)
            until_state(http, call_id, "queued")
            assert http.delete(f"/async-function/{call_id}").status_code == 202

        assert settled(http, accept(http, new_function(http, "cat")))["state"] == "done"
        assert status(http, call_id)["state"] == "cancelled"
        assert not ran.exists()


def test_reusing_a_cancelled_call_id_runs_the_new_call(workspace: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with start_lab(workspace) as lab, client(lab) as http:
        function = new_function(http, script(tmp_path, f"touch {ran}\n"))
        with lab.worker.stopped():
            call_id = accept(http, function, X_Call_Id="again")
            assert http.delete(f"/async-function/{call_id}").status_code == 202
        lab.restart("nats")  # which forgets the ids of the last two minutes

        accept(http, function, X_Call_Id="again")

        call = settled(http, call_id)
        assert (call["state"], len(call["attempts"])) == ("done", 1)
        assert ran.exists()


def test_the_same_request_again_after_a_cancel_is_the_cancelled_call(
    http: httpx.Client, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    function = new_function(http, script(tmp_path, f"sleep 2; echo >>{ran}\n"))
    accept(http, function, "same", X_Call_Id="cancelled-1")
    assert http.delete("/async-function/cancelled-1").status_code == 202
    again = http.post(f"/async-function/{function}", content="same", headers={"X-Call-Id": "cancelled-1"})
    assert (again.status_code, again.headers.get("X-Duplicate")) == (202, "true")
    other = http.post(f"/async-function/{function}", content="other", headers={"X-Call-Id": "cancelled-1"})
    assert (other.status_code, other.headers.get("X-Duplicate")) == (202, None)

    eventually(ran.exists, within=10)
    assert ran.read_text() == "\n"


def test_an_old_cancellation_does_not_interrupt_a_running_call_with_the_same_id(
    workspace: Path, tmp_path: Path
) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        function = new_function(http, script(tmp_path, "sleep 4\n"))
        with lab.worker.stopped():
            call_id = accept(http, function, X_Call_Id="again")
            assert http.delete(f"/async-function/{call_id}").status_code == 202
        lab.restart("nats")
        accept(http, function, X_Call_Id="again")
        # Longer than the events may be late: every service connects again.
        until_state(http, call_id, "running")

        lab.restart("nats")  # the worker reads all cancellations again

        call = settled(http, call_id)
        assert (call["state"], len(call["attempts"])) == ("done", 1)


@pytest.mark.parametrize("call_id", ["ünïcödé", "\N{SNOWMAN}", "a b/c?d#e%20f", "*", ">"])
def test_a_call_is_found_by_any_id_that_its_client_chose(http: httpx.Client, call_id: str) -> None:
    path = quote(call_id, safe="")
    function = new_function(http, "false", {"com.openfaas.retry.attempts": "1"})
    answer = http.post(f"/async-function/{function}", headers=[(b"X-Call-Id", call_id.encode())])
    assert answer.status_code == 202

    assert settled(http, path)["state"] == "dead"
    assert http.get(f"/async-function/{path}/result").status_code == 500
    assert http.get(f"/system/queues/faas-request/dead-letters/{path}").status_code == 200
    assert http.delete(f"/system/queues/faas-request/dead-letters/{path}").json() == {"purged": 1}
    assert http.delete(f"/async-function/{path}").status_code == 409


def test_a_call_s_status_is_available_at_once_and_its_result_is_stored(http: httpx.Client) -> None:
    function = new_function(http, "cat")
    for _ in range(10):
        call_id = accept(http, function, "kept")
        assert status(http, call_id)["function"] == function

    settled(http, call_id)
    result = http.get(f"/async-function/{call_id}/result")

    hops = ("received", "queued", "delivered", "started", "acknowledged")
    eventually(lambda: all(status(http, call_id)["times"][hop] for hop in hops))
    assert (result.status_code, result.text) == (200, "kept")
    assert result.headers["X-Call-Id"] == call_id
    assert http.get(f"/async-function/{uuid.uuid4()}/result").status_code == 404


@pytest.mark.parametrize("wait", ["-1", "31", "x", "nan", "inf"])
def test_an_invalid_wait_is_rejected(http: httpx.Client, wait: str) -> None:
    assert http.get(f"/async-function/any?wait={wait}").status_code == 400


def test_a_large_result_is_truncated_and_marked(http: httpx.Client) -> None:
    call_id = accept(http, new_function(http, "head -c 9000000 /dev/zero"))
    settled(http, call_id)

    result = http.get(f"/async-function/{call_id}/result")

    assert result.headers["X-Result-Truncated"].endswith("of 9000000 bytes")
    assert 1_000_000 < len(result.content) < 9_000_000


def test_without_the_inspector_call_status_is_unavailable(workspace: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        call_id = accept(http, new_function(http, "cat"))
        settled(http, call_id)
        with lab.service("inspector").stopped():
            assert http.get(f"/async-function/{call_id}").status_code == 503
            assert "inspector" in http.get(f"/async-function/{call_id}").text

        eventually(lambda: http.get(f"/async-function/{call_id}").status_code == 200)
        assert status(http, call_id)["state"] == "done"
