"""Every kind of call in the inspector's API: its spans, and what decided its outcome."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
from labkit_command import labkit
from labs import start_lab, until_running
from receiver import receiver

from labkit import Lab
from labkit.errors import LabTimeoutError, NoResultError
from labkit.lab.call import CallHandle
from labkit.lifecycle import environment
from tests.eventually import eventually

MARKS = ("captured", "dead")


@pytest.fixture(scope="module")
def calls_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that gives up after two attempts, and whose leases are short."""
    lab = start_lab(
        tmp_path_factory.mktemp("calls"),
        max_retry_attempts=2,
        initial_retry_wait="300ms",
        max_retry_wait="300ms",
        ack_wait="2s",
        environment={"callback_attempts": "2", "initial_callback_wait": "200ms"},
    )
    environment.leave(lab.aio.state)
    lab.deploy("echo", fprocess="cat")
    lab.deploy("fails", fprocess="false")
    lab.deploy("slow", fprocess="sleep 1.5")
    lab.deploy("hangs", fprocess="sleep 60")
    lab.deploy_flaky("flaky-once", failures=1)
    lab.invoke("echo")
    yield lab
    lab.stop()


@pytest.fixture(autouse=True)
def nothing_left_in_the_queue(calls_lab: Lab) -> Iterator[None]:
    yield
    calls_lab.queue().cancel_calls()


@pytest.fixture(scope="module")
def api(calls_lab: Lab) -> Iterator[httpx.Client]:
    state = calls_lab.aio.state
    headers = {"Authorization": f"Bearer {state.inspector_token}"}
    base = f"{state.inspector_url}/api/v1"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=20) as client:
        yield client


def seen(api: httpx.Client, call: CallHandle | str, function: str = "") -> dict[str, Any]:
    call_id = call if isinstance(call, str) else call.id
    response = api.get(f"/calls/{call_id}", params={"function": function} if function else {})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    check_spans(document)
    return document


def check_spans(call: dict[str, Any]) -> None:
    """No lane has an overlap or a negative span; in a settled call none is open."""
    for lane in ("client", "gateway", "queue", "function", "callback"):
        periods = [span for span in call["spans"] if span["lane"] == lane]
        is_mark = [span["kind"] in MARKS or span["start"] == span["end"] for span in periods]
        for before, after in pairwise([s for s, mark in zip(periods, is_mark, strict=True) if not mark]):
            assert before["end"] is not None, call["spans"]
            assert before["end"] <= after["start"], call["spans"]
    assert all(span["end"] is None or span["end"] >= span["start"] for span in call["spans"])
    if call["settled"]:
        assert not [span for span in call["spans"] if span["end"] is None], call["spans"]


def kinds(call: dict[str, Any], *lanes: str) -> list[str]:
    return [span["kind"] for span in call["spans"] if span["lane"] in lanes]


def outcome(call: dict[str, Any]) -> tuple[str, str]:
    return call["outcome"]["hop"], call["outcome"]["code"]


def until_code(api: httpx.Client, call: CallHandle, code: str, within: float = 15) -> dict[str, Any]:
    try:
        eventually(lambda: seen(api, call)["outcome"]["code"] == code, within=within)
    except AssertionError as error:
        raise AssertionError(f"{error}; {json.dumps(seen(api, call), indent=1)}") from None
    return seen(api, call)


def test_a_synchronous_call(calls_lab: Lab, api: httpx.Client) -> None:
    response = calls_lab.invoke("echo", "hello")

    call = seen(api, response.call_id)
    assert (call["mode"], call["state"]) == ("sync", "done")
    assert kinds(call, "gateway", "queue", "function") == ["forwards", "works"]
    assert outcome(call) == ("function", "done")
    assert (
        str(calls_lab.call(response.call_id).explain()) == "The function succeeded with 200. Nothing to do."
    )


def test_an_asynchronous_call_with_its_callback(calls_lab: Lab, api: httpx.Client) -> None:
    call_ = calls_lab.invoke_async("echo", "hello", callback=calls_lab.bin("calls-api"))
    call_.wait()

    until_code(api, call_, "delivered")
    eventually(lambda: seen(api, call_)["captured"], within=5)
    call = seen(api, call_)
    assert kinds(call, "gateway", "queue", "function", "callback") == [
        "accepts",
        "queued",
        "works",
        "calls_back",
        "captured",
    ]
    assert outcome(call) == ("callback", "delivered")
    assert call["captured"][0]["bin"] == "calls-api"
    captured = api.get(f"/bins/calls-api/requests/{call['captured'][0]['id']}").json()
    assert captured["seq"] == call["captured"][0]["seq"]
    assert "took the result with 200" in call["outcome"]["reason"]


def test_a_retried_call(calls_lab: Lab, api: httpx.Client) -> None:
    call_ = calls_lab.invoke_async("flaky-once", "x")
    call_.wait()

    call = until_code(api, call_, "done_retried")
    assert kinds(call, "function") == ["fails", "works"]
    assert kinds(call, "queue")[:2] == ["queued", "backoff"]
    reason = "Succeeded at attempt 2 of 2. Attempt 1 ended with 500 in the function (exit 1)."
    assert call["outcome"]["reason"] == reason
    shown = labkit(calls_lab.workspace, "call", call_.id)
    assert f"why       {reason}" in shown
    assert call_.explain().reason == reason
    answer = httpx.get(f"{calls_lab.gateway_url}/async-function/{call_.id}", trust_env=False)
    result = httpx.get(f"{calls_lab.gateway_url}/async-function/{call_.id}/result", trust_env=False)
    for headers in (answer.headers, result.headers):
        assert headers["X-Call-Outcome"] == "function done_retried"
        assert headers["X-Call-Reason"] == reason


def test_a_dead_lettered_call_and_its_redrive(calls_lab: Lab, api: httpx.Client) -> None:
    call_ = calls_lab.invoke_async("fails", "x")
    with pytest.raises(NoResultError) as failed:
        call_.result(15)

    call = until_code(api, call_, "dead")
    reason = "No attempt is left after 2 attempts. Attempts 1 and 2 ended with 500 in the function (exit 1)."
    assert call["outcome"]["reason"] == reason
    assert "No attempt is left after 2 attempts. Attempt" in str(failed.value)
    assert kinds(call, "queue")[-1] == "dead"
    assert api.get("/queues/faas-request/dead-letters").json()["dead_letters"][-1]["callId"] == call_.id

    redriven = api.post(f"/queues/faas-request/dead-letters/{call_.id}/redrive")
    assert redriven.json() == {"redriven": 1}
    eventually(lambda: len(seen(api, call_)["attempts"]) == 4, within=15)
    call = until_code(api, call_, "dead")
    queue = [kind for kind in kinds(call, "queue") if kind in ("queued", "dead")]
    assert queue.index("dead") < len(queue) - 2  # queued again after the first dead letter
    assert queue[-1] == "dead"
    assert kinds(call, "function") == ["fails"] * 4
    assert api.delete(f"/queues/faas-request/dead-letters/{call_.id}").json() == {"purged": 1}


def test_calls_cancelled_while_queued_and_while_running(calls_lab: Lab, api: httpx.Client) -> None:
    running, queued = calls_lab.invoke_async("hangs"), calls_lab.invoke_async("hangs")
    until_running(running)

    assert seen(api, running)["outcome"]["code"] == "running"
    assert api.get("/queues").status_code == 200  # from now on the limit is known
    call = seen(api, queued)
    assert outcome(call) == ("queue", "queued_next")
    assert "next one in the queue faas-request" in call["outcome"]["reason"]
    with pytest.raises(LabTimeoutError, match="next one in the queue faas-request"):
        queued.result(0.2)

    queued.cancel()
    running.cancel()
    call = until_code(api, queued, "cancelled_queued")
    assert kinds(call, "queue", "function") == ["queued", "cancelled"]
    eventually(lambda: kinds(seen(api, running), "function") == ["cancelled"], within=10)
    assert outcome(seen(api, running)) == ("client", "cancelled_running")


def test_a_call_whose_worker_was_killed_is_redelivered(calls_lab: Lab, api: httpx.Client) -> None:
    call_ = calls_lab.invoke_async("slow")
    until_running(call_)
    calls_lab.kill("queue-worker")

    call = until_code(api, call_, "lease")
    assert outcome(call) == ("worker", "lease")
    assert kinds(call, "queue")[-1] == "lease"
    call_.wait(30)
    call = until_code(api, call_, "done_retried")
    assert kinds(call, "queue", "function") == ["queued", "lease", "lost", "works"]
    assert call["redeliveries"] == 1
    assert "Attempt 1 was lost with its queue-worker" in call["outcome"]["reason"]
    assert call_.id in [one["callId"] for one in api.get("/calls?state=redelivered").json()["calls"]]


def test_a_call_waits_for_a_paused_worker(calls_lab: Lab, api: httpx.Client) -> None:
    with calls_lab.worker.paused():
        call_ = calls_lab.invoke_async("echo")
        call = until_code(api, call_, "queued_worker_paused")
        assert outcome(call)[0] == "worker"
        faults = api.get("/calls").json()["faults"]
        assert (faults[-1]["where"], faults[-1]["what"], faults[-1]["end"]) == ("queue-worker", "pause", None)
    call_.wait()
    until_code(api, call_, "done")
    assert api.get("/calls").json()["faults"][-1]["end"] is not None


def test_a_callback_that_is_refused_retried_and_given_up(calls_lab: Lab, api: httpx.Client) -> None:
    with receiver(404) as missing:
        refused = calls_lab.invoke_async("echo", callback=missing.url)
        call = until_code(api, refused, "callback_missing")
        assert kinds(call, "callback") == ["callback_fails"]
        assert outcome(call)[0] == "callback"
    with receiver(503) as failing:
        dead = calls_lab.invoke_async("echo", callback=failing.url)
        until_code(api, dead, "callback_retrying")
        call = until_code(api, dead, "callback_dead", within=30)
    assert kinds(call, "callback")[:3] == ["callback_fails", "backoff", "callback_fails"]
    assert kinds(call, "callback")[-1] == "dead"
    gone = calls_lab.invoke_async("echo", callback="http://127.0.0.1:1/")
    assert outcome(until_code(api, gone, "callback_dead", within=30))[0] == "callback"


def test_unknown_functions_and_refused_requests(calls_lab: Lab, api: httpx.Client) -> None:
    with httpx.Client(base_url=calls_lab.gateway_url, trust_env=False, timeout=20) as gateway:
        sync = gateway.get("/function/nobody").headers["X-Call-Id"]
        assert outcome(until_known(api, sync)) == ("gateway", "unknown_function")
        queued = gateway.post("/async-function/nobody").headers["X-Call-Id"]
        large = gateway.post("/async-function/echo", content=b"x" * 3_000_000)
        assert large.status_code == 413
        call = until_known(api, large.headers["X-Call-Id"])
        assert outcome(call) == ("gateway", "body_too_large")
        assert call["state"] == "failed"
        bad = gateway.post("/async-function/echo", headers={"X-Callback-Url": "http://[::1/"})
        assert outcome(until_known(api, bad.headers["X-Call-Id"])) == ("gateway", "bad_request")
    call = until_code(api, calls_lab.call(queued), "dead")
    assert outcome(call) == ("gateway", "dead")
    assert "the gateway knows no such function" in call["outcome"]["reason"]


def until_known(api: httpx.Client, call_id: str) -> dict[str, Any]:
    eventually(lambda: api.get(f"/calls/{call_id}").status_code == 200, within=10)
    eventually(lambda: seen(api, call_id)["state"] != "received", within=10)
    return seen(api, call_id)


def test_a_client_that_is_gone(calls_lab: Lab, api: httpx.Client) -> None:
    call_id = "gone-client-1"
    with pytest.raises(httpx.TimeoutException):
        httpx.get(
            f"{calls_lab.gateway_url}/function/hangs",
            headers={"X-Call-Id": call_id},
            timeout=0.5,
            trust_env=False,
        )

    eventually(lambda: seen(api, call_id)["state"] == "failed", within=10)
    call = seen(api, call_id)
    assert outcome(call) == ("client", "caller_gone")
    assert kinds(call, "function") == ["fails"]


def test_a_call_is_sent_through_the_api(calls_lab: Lab, api: httpx.Client) -> None:
    order = {"function": "echo", "mode": "sync", "body": "Grüße", "headers": {"X-Lesson": "7"}}
    answer = api.post("/calls", json=order)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["body"]) == (200, "Grüße")
    eventually(lambda: api.get(f"/calls/{answer.json()['call_id']}").status_code == 200, within=10)
    eventually(lambda: kinds(seen(api, answer.json()["call_id"]), "client") == ["waits"], within=10)
    url = calls_lab.bin("sent-by-page").url
    queued = api.post("/calls", json={"function": "echo", "mode": "async", "callback": url})
    assert queued.json()["status"] == 202
    until_code(api, calls_lab.call(queued.json()["call_id"]), "delivered")


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"function": "../system/functions"},
        {"function": "echo", "mode": "later"},
        {"function": "echo", "headers": {"A\r\nB": "x"}},
        {"function": "echo", "headers": {"A": "x\r\nB: y"}},
        {"function": "echo", "headers": {"Host": "elsewhere"}},
        {"function": "echo", "mode": "sync", "callback": "http://127.0.0.1/"},
        {"function": "echo", "body_base64": "???"},
        {"function": "echo", "surprise": 1},
    ],
)
def test_a_call_that_cannot_be_sent_is_refused_with_a_reason(api: httpx.Client, order: Any) -> None:
    answer = api.post("/calls", json=order)

    assert answer.status_code == 422
    assert set(answer.json()) >= {"error", "expected"}


def test_lists_are_filtered_and_paged(calls_lab: Lab, api: httpx.Client) -> None:
    ids = [calls_lab.invoke("echo", str(number)).call_id for number in range(5)]
    eventually(lambda: all(api.get(f"/calls/{one}").status_code == 200 for one in ids), within=10)
    eventually(
        lambda: api.get("/calls?function=echo&mode=sync&limit=5").json()["calls"][0]["callId"] == ids[-1]
    )

    page = api.get("/calls?function=echo&mode=sync&limit=2").json()
    found = [call["callId"] for call in page["calls"]]
    while page["next"] and len(found) < 5:
        page = api.get(
            "/calls", params={"function": "echo", "mode": "sync", "limit": 2, "after": page["next"]}
        ).json()
        found += [call["callId"] for call in page["calls"]]
    assert found[:5] == ids[::-1]
    assert page["total"] >= 5
    assert [call["callId"] for call in api.get(f"/calls?q={ids[2][:18]}").json()["calls"]] == [ids[2]]
    assert api.get("/calls?since=0.0001s").json()["calls"] == []
    assert {call["state"] for call in api.get("/calls?state=failed,dead").json()["calls"]} <= {
        "failed",
        "dead",
        "done",
    }
    assert all(call["mode"] == "async" for call in api.get("/calls?queue=faas-request").json()["calls"])
    for wrong in (
        "state=odd",
        "mode=odd",
        "limit=0",
        "limit=5001",
        "after=odd",
        "since=odd",
        "colour=red",
        "at=1",
    ):
        assert api.get(f"/calls?{wrong}").status_code in (400, 422), wrong


@contextmanager
def stream(api: httpx.Client, path: str) -> Iterator[list[tuple[str, Any]]]:
    """Read server-sent events in a thread; yield the list that they are added to."""
    events: list[tuple[str, Any]] = []
    connected, stop = threading.Event(), threading.Event()

    def read() -> None:
        client = httpx.Client(base_url=api.base_url, headers=api.headers, trust_env=False, timeout=20)
        with client, client.stream("GET", path) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    events.append((name, json.loads(line[6:])))
                    connected.set()
                if stop.is_set():
                    return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert connected.wait(10)
    yield events
    stop.set()


def test_changed_calls_faults_queues_and_services_are_pushed(calls_lab: Lab, api: httpx.Client) -> None:
    with stream(api, "/calls/events") as events:
        call_ = calls_lab.invoke_async("slow")

        def states() -> list[str]:
            calls = [call for name, data in events if name == "calls" for call in data["calls"]]
            return [call["state"] for call in calls if call["callId"] == call_.id]

        eventually(lambda: "running" in states() and "done" in states(), within=15)
        with calls_lab.service("gateway").paused():
            eventually(lambda: [name for name, _ in events if name == "fault"], within=10)
        eventually(lambda: {"queues", "services"} <= {name for name, _ in events}, within=10)
    names = [name for name, _ in events]
    assert names[0] == "hello"
    counts = next(data["counts"] for name, data in reversed(events) if name == "calls")
    assert counts["done"] >= 1
    assert all({"counts", "now"} <= data.keys() for name, data in events if name == "calls")


def test_the_state_of_queues_services_and_functions(calls_lab: Lab, api: httpx.Client) -> None:
    (queue,) = api.get("/queues").json()["queues"]
    assert queue.keys() >= {"name", "depth", "in_flight", "redelivered", "waiting_for_retry", "max_inflight"}
    assert queue["workers"][0]["name"].startswith("queue-worker")

    assert api.put("/queues/faas-request", json={"max_inflight": 2}).json()["max_inflight"] == 2
    assert calls_lab.status().max_inflight == 2
    assert api.put("/queues/faas-request", json={"max_inflight": 1}).status_code == 200
    assert api.put("/queues/faas-request", json={"max_inflight": 0}).status_code == 422
    assert api.put("/queues/nowhere", json={"max_inflight": 1}).status_code in (404, 503)
    services = api.get("/services").json()
    assert {service["name"] for service in services["services"]} == {
        "nats-server",
        "gateway",
        "queue-worker",
        "inspector",
    }
    assert all(service["state"] == "ready" for service in services["services"])
    functions = api.get("/functions").json()["functions"]
    assert {"echo", "fails", "slow"} <= {function["name"] for function in functions}


def test_logs_are_merged_and_followed_and_name_their_calls(calls_lab: Lab, api: httpx.Client) -> None:
    with stream(api, "/logs/events?service=queue-worker") as events:
        call_ = calls_lab.invoke_async("echo")
        call_.wait()

        def lines() -> list[dict[str, Any]]:
            return [line for name, data in events if name == "lines" for line in data["lines"]]

        eventually(
            lambda: [one for one in lines() if one["call_id"] == call_.id and "Invoked" in one["text"]],
            within=10,
        )
    assert {line["service"] for line in lines()} == {"queue-worker"}
    read = api.get("/logs?tail=50").json()
    assert {"gateway", "queue-worker"} <= set(read["services"])
    of_call = {line["service"] for line in read["lines"] if line["call_id"] == call_.id}
    assert of_call == {"gateway", "queue-worker"}
    times = [line["time"] for line in read["lines"] if line["time"]]
    assert times == sorted(times)
    assert api.get("/logs?service=nobody").status_code == 404
    assert len(api.get("/logs?tail=3").json()["lines"]) == 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/calls"),
        ("PUT", "/queues/faas-request"),
        ("POST", "/queues/faas-request/dead-letters/redrive"),
        ("DELETE", "/queues/faas-request/dead-letters"),
        ("GET", "/calls"),
        ("GET", "/logs"),
    ],
)
def test_another_site_and_a_client_without_the_token_are_refused(
    calls_lab: Lab, api: httpx.Client, method: str, path: str
) -> None:
    url = str(api.base_url).rstrip("/") + path
    body = {} if method == "GET" else {"json": {}}

    assert httpx.request(method, url, trust_env=False, **body).status_code == 401
    crossed = api.request(
        method, path, headers={"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, **body
    )
    if method != "GET":
        assert crossed.status_code == 403
