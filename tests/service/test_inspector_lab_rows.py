"""Rows of the inspector's API that need a running lab: faults, a look into a queue, times of a call."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from labs import start_lab

from labkit import Lab
from labkit.lifecycle import environment
from tests.eventually import eventually


@pytest.fixture(scope="module")
def rows_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose services are paused and stopped."""
    lab = start_lab(tmp_path_factory.mktemp("rows"))
    environment.leave(lab.aio.state)
    deploy_functions(lab)
    yield lab
    lab.stop()


def deploy_functions(lab: Lab) -> None:
    lab.deploy("echo", fprocess="cat")
    lab.deploy("nap", fprocess="sleep 0.4")
    lab.invoke("echo")


@pytest.fixture
def api(rows_lab: Lab) -> Iterator[httpx.Client]:
    """The API, with the token; afterwards no fault is active."""
    state = rows_lab.aio.state
    headers = {"Authorization": f"Bearer {state.inspector_token}"}
    base = f"{state.inspector_url}/api/v1"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=40) as client:
        yield client
        assert client.delete("/faults").status_code == 204


def active(api: httpx.Client) -> list[str]:
    return [fault["id"] for fault in api.get("/faults").json()["faults"]]


# -- faults


def test_faults_lists_none_at_first(api: httpx.Client) -> None:
    assert api.get("/faults").json()["faults"] == []


def test_faults_are_listed_at_once_while_nats_is_stopped(api: httpx.Client) -> None:
    api.post("/faults", json={"where": "nats", "what": "stop", "expires": "20s"})

    began = time.monotonic()
    document = api.get("/faults", params={"history": "false"}).json()

    assert time.monotonic() - began < 2
    assert [fault["id"] for fault in document["faults"]] == ["stop:nats-server"]
    assert 0 < document["faults"][0]["ends"] - document["now"] < 20
    assert document["history"] == []


def test_faults_begins_a_pause_that_ends_by_itself(api: httpx.Client, rows_lab: Lab) -> None:
    answer = api.post("/faults", json={"where": "worker", "what": "pause", "expires": "1s"})

    assert answer.status_code == 201
    (fault,) = answer.json()["faults"]
    assert (fault["id"], fault["where"], fault["what"]) == ("pause:queue-worker", "queue-worker", "pause")
    assert 0.5 < fault["ends"] - fault["since"] <= 1.5
    assert active(api) == ["pause:queue-worker"]
    eventually(lambda: active(api) == [])
    history = api.get("/faults").json()["history"]
    assert ("queue-worker", "pause") in [(past["where"], past["what"]) for past in history]
    assert rows_lab.invoke_async("echo", "on").result(20).text == "on"


def test_faults_are_ended_by_delete_one_or_all(api: httpx.Client) -> None:
    orders = [{"where": "gateway", "what": "pause"}, {"where": "worker", "what": "pause"}]
    assert api.post("/faults", json=orders).status_code == 201

    assert api.delete("/faults/pause:gateway").status_code == 204
    assert active(api) == ["pause:queue-worker"]
    assert api.delete("/faults/pause:gateway").status_code == 404
    assert api.delete("/faults").status_code == 204
    assert active(api) == []


def test_a_fault_that_is_active_is_409(api: httpx.Client) -> None:
    order = {"where": "worker", "what": "pause"}
    assert api.post("/faults", json=order).status_code == 201

    answer = api.post("/faults", json=order)

    assert answer.status_code == 409
    assert answer.json()["next"] == "DELETE /api/v1/faults/pause:queue-worker"


def test_faults_kills_a_service_that_comes_back(api: httpx.Client, rows_lab: Lab) -> None:
    before = rows_lab.status().service("queue-worker").pid

    answer = api.post("/faults", json={"where": "worker", "what": "kill"})

    assert answer.status_code == 201
    assert answer.json()["faults"][0]["ends"] is None
    eventually(lambda: rows_lab.status().service("queue-worker").pid not in (None, before))
    assert rows_lab.invoke_async("echo", "on").result(20).text == "on"


def test_faults_makes_the_network_slow(api: httpx.Client, rows_lab: Lab) -> None:
    order = {"where": "network", "what": "slow", "delay": "300ms", "expires": "30s"}
    answer = api.post("/faults", json=order)
    assert answer.status_code == 201
    assert answer.json()["faults"][0]["delay"] == 0.3

    began = time.monotonic()
    rows_lab.invoke_async("echo", "x").wait(20)

    assert time.monotonic() - began > 0.5
    assert api.delete("/faults/slow:queue-worker").status_code == 204


def test_a_callback_fault_makes_a_bin_fail_until_it_expires(api: httpx.Client, rows_lab: Lab) -> None:
    api.put("/bins/failing", json={})
    url = api.get("/bins/failing").json()["url"]
    order = {"where": "callback", "what": "status", "bin": "failing", "status": 502, "expires": "700ms"}

    assert api.post("/faults", json=order).status_code == 201

    assert httpx.post(url).status_code == 502
    assert active(api) == ["status:failing"]
    eventually(lambda: active(api) == [])
    assert httpx.post(url).status_code == 200


def test_a_callback_fault_drops_connections_until_it_is_deleted(api: httpx.Client) -> None:
    api.put("/bins/dropping", json={})
    url = api.get("/bins/dropping").json()["url"]
    order = {"where": "callback", "what": "drop", "bin": "dropping"}
    assert api.post("/faults", json=order).status_code == 201

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(url)
    assert api.delete("/faults/drop:dropping").status_code == 204

    assert httpx.post(url).status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        None,
        [],
        "pause",
        {},
        {"where": "worker"},
        {"where": "worker", "what": "explode"},
        {"where": "function", "what": "kill"},
        {"where": "inspector", "what": "kill"},
        {"where": "worker", "what": "pause", "expires": "0s"},
        {"where": "worker", "what": "pause", "expires": "2h"},
        {"where": "worker", "what": "pause", "expires": 5},
        {"where": "worker", "what": "kill", "expires": "5s"},
        {"where": "worker", "what": "pause", "probability": 0.5},
        {"where": "worker", "what": "pause", "times": 3},
        {"where": "worker", "what": "pause", "match": {}},
        {"where": "worker", "what": "pause", "delay": "1s"},
        {"where": "gateway", "what": "slow"},
        {"where": "network", "what": "slow", "bandwidth": -1},
        {"where": "callback", "what": "status"},
        {"where": "callback", "what": "status", "bin": "x", "status": 200},
        {"where": "callback", "what": "delay", "bin": "x"},
        {"where": "callback", "what": "drop", "bin": "x", "status": 500},
        [{"where": "worker", "what": "pause"}] * 21,
    ],
)
def test_an_invalid_fault_is_422_with_what_is_expected(api: httpx.Client, order: Any) -> None:
    answer = api.post("/faults", json=order)

    assert answer.status_code == 422
    assert answer.json()["error"]
    assert active(api) == []


def test_a_fault_of_an_unknown_service_or_bin_is_refused(api: httpx.Client) -> None:
    unknown = api.post("/faults", json={"where": "printer", "what": "pause"})
    missing = api.post("/faults", json={"where": "callback", "what": "drop", "bin": "nowhere"})

    assert unknown.status_code == 400
    assert unknown.json()["error"]
    assert missing.status_code == 404


def test_a_fault_can_t_be_changed(api: httpx.Client) -> None:
    answer = api.patch("/faults", json={"expires": "5s"})

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, POST"
    assert "POST" in answer.json()["next"]


def test_the_stream_of_events_tells_when_a_fault_starts_and_ends(api: httpx.Client) -> None:
    api.put("/bins/told", json={})
    seen: list[tuple[str, dict[str, Any]]] = []
    open_ = threading.Event()

    def listen() -> None:
        with api.stream("GET", "/events", timeout=20) as stream:
            name = ""
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                    open_.set()
                elif line.startswith("data: ") and name.startswith("fault."):
                    seen.append((name, json.loads(line.removeprefix("data: "))))
                    if len(seen) == 4:
                        return

    listener = threading.Thread(target=listen)
    listener.start()
    assert open_.wait(10)
    api.post("/faults", json={"where": "worker", "what": "pause", "expires": "200ms"})
    eventually(lambda: len(seen) == 2)
    api.post("/faults", json={"where": "callback", "what": "drop", "bin": "told", "expires": "100ms"})
    listener.join(20)

    kinds = [(name, document["where"], document["what"]) for name, document in seen]
    assert kinds[:2] == [("fault.started", "queue-worker", "pause"), ("fault.ended", "queue-worker", "pause")]
    assert [kind[:2] for kind in kinds[2:]] == [("fault.started", "callback"), ("fault.ended", "callback")]
    assert seen[2][1]["bin"] == "told"


# -- the queue


def test_queue_shows_the_next_messages_and_consumes_none(api: httpx.Client, rows_lab: Lab) -> None:
    assert api.post("/faults", json={"where": "worker", "what": "stop", "expires": "60s"}).status_code == 201
    calls = [
        rows_lab.invoke_async("echo", f"body {number}", headers={"Authorization": "Bearer hidden"})
        for number in range(3)
    ]

    for _ in range(2):  # the first look changes nothing for the second
        peek = api.get("/queue", params={"limit": 2}).json()
        assert (peek["queue"], peek["pending"], peek["ack_pending"]) == ("faas-request", 3, 0)
        assert [message["call_id"] for message in peek["next"]] == [call.id for call in calls[:2]]
        assert peek["next"][0]["function"] == "echo"
        assert peek["next"][0]["body_base64"] == "Ym9keSAw"
        assert peek["unacknowledged"] == []
        assert "hidden" not in json.dumps(peek)
    assert api.delete("/faults").status_code == 204
    assert [call.result(20).text for call in calls] == ["body 0", "body 1", "body 2"]


def test_queue_shows_what_is_delivered_and_not_acknowledged(api: httpx.Client, rows_lab: Lab) -> None:
    call = rows_lab.invoke_async("nap")

    def delivered() -> bool:
        peek = api.get("/queue").json()
        return call.id in [message["call_id"] for message in peek["unacknowledged"]]

    eventually(delivered)
    call.wait(20)
    eventually(lambda: api.get("/queue").json()["ack_pending"] == 0)


def test_queue_of_an_unknown_name_is_404_and_a_bad_one_422(api: httpx.Client) -> None:
    assert api.get("/queue", params={"queue": "nobody"}).status_code == 404
    for bad in ({"queue": "a.b"}, {"queue": "x_dead"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "x"}):
        assert api.get("/queue", params=bad).status_code == 422


# -- the record of a callback


def test_a_callback_s_record_has_queue_wait_and_end_to_end(api: httpx.Client, rows_lab: Lab) -> None:
    box = rows_lab.bin("timed")
    call = rows_lab.invoke_async("nap", callback=box)
    call.wait(20)
    eventually(lambda: api.get("/bins/timed").json()["count"] == 1)

    callback = api.get("/bins/timed/requests/latest").json()["openfaas"]

    assert callback["call_id"] == call.id
    assert 0 <= callback["queue_wait_seconds"] < 5
    assert callback["duration_seconds"] <= callback["end_to_end_seconds"] < 10


# -- status


def test_status_says_that_the_event_log_is_connected(api: httpx.Client) -> None:
    status = api.get("/status").json()

    assert status["event_log"] == "connected"
    assert status["ready"] is True
    assert status["history"] == "inspector.sqlite3"


# -- calls and dead letters


def test_a_queued_call_is_cancelled(api: httpx.Client, rows_lab: Lab) -> None:
    api.post("/faults", json={"where": "worker", "what": "stop", "expires": "60s"})
    call = rows_lab.invoke_async("echo", "never")

    assert api.delete(f"/calls/{call.id}").status_code == 204

    assert api.get(f"/calls/{call.id}").json()["state"] == "cancelled"
    assert api.get("/queue").json()["pending"] == 0
    assert api.delete("/calls/unknown-call").status_code == 404


def _two_dead_letters(api: httpx.Client, lab: Lab) -> list[str]:
    once = {"com.openfaas.retry.attempts": "1"}
    lab.deploy("fails", fprocess="false", annotations=once)
    calls = [lab.invoke_async("fails") for _ in range(2)]
    path = "/queues/faas-request/dead-letters"
    eventually(lambda: len(api.get(path).json()["dead_letters"]) == 2)
    return [call.id for call in calls]


def test_dead_letters_are_deleted_one_or_all(api: httpx.Client, rows_lab: Lab) -> None:
    first, _ = _two_dead_letters(api, rows_lab)
    path = "/queues/faas-request/dead-letters"

    assert api.delete(f"{path}/{first}").status_code == 200
    assert len(api.get(path).json()["dead_letters"]) == 1
    assert api.delete(f"{path}/{first}").status_code == 404
    assert api.delete(path).status_code == 200
    assert api.get(path).json()["dead_letters"] == []


def test_dead_letters_are_redriven_all(api: httpx.Client, rows_lab: Lab) -> None:
    _two_dead_letters(api, rows_lab)
    rows_lab.deploy("fails", fprocess="cat")
    path = "/queues/faas-request/dead-letters"

    assert api.post(f"{path}/redrive").status_code == 200

    assert api.get(path).json()["dead_letters"] == []
    eventually(lambda: api.get("/queue").json()["ack_pending"] == 0)


# -- what the control panel changes


def until_done(api: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    eventually(lambda: api.get(f"/batches/{batch['id']}").json()["done"], within=30)
    done: dict[str, Any] = api.get(f"/batches/{batch['id']}").json()
    return done


def test_the_version_names_the_running_lab(api: httpx.Client, rows_lab: Lab) -> None:
    assert api.get("/version").json()["run_id"] == rows_lab.aio.state.run_id


def test_workers_are_scaled_up_and_down(api: httpx.Client, rows_lab: Lab) -> None:
    assert api.get("/workers").json() == {"count": 1, "most": 16}
    assert api.put("/workers", json={"count": 2}).json() == {"count": 2, "most": 16}
    names = [service["name"] for service in api.get("/services").json()["services"]]
    assert names.count("queue-worker") + names.count("queue-worker-2") == 2
    assert api.put("/workers", json={"count": 1}).json()["count"] == 1
    assert api.get("/services").json()["workers"]["count"] == 1
    assert rows_lab.invoke_async("echo", "on").result(20).text == "on"


def test_replicas_of_a_function_are_changed(api: httpx.Client, rows_lab: Lab) -> None:
    changed = api.put("/functions/echo", json={"replicas": 3})

    assert (changed.status_code, changed.json()["replicas"]) == (200, 3)
    eventually(lambda: api.get("/functions/echo").json()["available"] == 3, within=20)
    assert api.put("/functions/echo", json={"replicas": 10_000}).json()["replicas"] == 20
    assert api.put("/functions/echo", json={"replicas": 1}).json()["replicas"] == 1
    missing = api.put("/functions/nothing", json={"replicas": 1})
    assert (missing.status_code, api.get("/functions/nothing").status_code) == (404, 404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/workers", {"count": 0}),
        ("/workers", {"count": 17}),
        ("/workers", {"count": "2"}),
        ("/workers", {"count": True}),
        ("/workers", {}),
        ("/workers", {"workers": 2}),
        ("/functions/echo", {"replicas": -1}),
        ("/functions/echo", {"replicas": 1.5}),
        ("/functions/echo", {}),
    ],
)
def test_an_invalid_number_of_workers_or_replicas_changes_nothing(
    api: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    before = api.get(path).json()

    answer = api.put(path, json=body)

    assert answer.status_code in (400, 422)
    assert answer.json()["error"]
    assert answer.json()["expected"]
    assert api.get(path).json() == before


def test_a_batch_of_calls_is_sent_in_the_background(api: httpx.Client) -> None:
    began = time.monotonic()
    answer = api.post("/batches", json={"function": "nap", "mode": "sync", "count": 3})

    assert (answer.status_code, answer.json()["done"]) == (202, False)
    assert time.monotonic() - began < 0.4
    done = until_done(api, answer.json())
    assert (done["sent"], done["answered"], done["statuses"]) == (3, 3, {"200": 3})
    assert done["seconds"] > 1.1  # one after the other
    calls = api.post("/batches", json={"function": "echo", "mode": "async", "count": 10, "body": "x"})
    assert until_done(api, calls.json())["statuses"] == {"202": 10}
    assert [batch["count"] for batch in api.get("/batches").json()["batches"]][-2:] == [3, 10]
    assert api.get("/batches/none").status_code == 404


def test_a_batch_sends_several_synchronous_calls_at_once(api: httpx.Client) -> None:
    order = {"function": "nap", "mode": "sync", "count": 4, "at_once": 4}
    done = until_done(api, api.post("/batches", json=order).json())

    assert done["statuses"] == {"200": 4}
    assert done["seconds"] < 1.5


def test_a_batch_is_stopped(api: httpx.Client) -> None:
    batch = api.post("/batches", json={"function": "nap", "mode": "sync", "count": 500}).json()
    assert api.delete(f"/batches/{batch['id']}").status_code == 204

    done = until_done(api, batch)

    assert done["sent"] < 5
    assert "stopped" in done["error"]


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 1001},
        {"count": None},
        {"at_once": 51},
        {"function": "No!"},
        {"mode": "later"},
        {"headers": {"X-Call-Id": "one"}},
        {"surprise": 1},
    ],
)
def test_an_invalid_batch_is_422_and_sends_nothing(api: httpx.Client, change: dict[str, Any]) -> None:
    before = api.get("/batches").json()

    answer = api.post("/batches", json={"function": "echo", "count": 2, **change})

    assert answer.status_code in (400, 422)
    assert answer.json()["expected"]
    assert api.get("/batches").json()["batches"] == before["batches"]


def test_a_reset_is_asked_for_and_its_end_is_seen(api: httpx.Client, rows_lab: Lab) -> None:
    assert api.get("/services").json()["last_reset"] is None
    run_id = api.get("/version").json()["run_id"]

    answer = api.post("/reset", json={})

    assert (answer.status_code, answer.json()) == (202, {"run_id": run_id})

    def last_reset() -> Any:
        try:
            return (api.get("/services").json().get("last_reset") or {}).get("seconds")
        except httpx.TransportError:
            return None  # the inspector restarts, too

    seconds = eventually(last_reset, within=30)
    assert 0 < seconds < 20
    assert api.get("/services").json()["last_reset"]["error"] is None
    assert api.get("/functions").json()["functions"] == []
    assert api.get("/version").json()["run_id"] == run_id
    deploy_functions(rows_lab)
    assert rows_lab.invoke_async("echo", "again").result(20).text == "again"


def test_a_request_for_another_run_of_the_lab_is_refused(api: httpx.Client, rows_lab: Lab) -> None:
    other = api.put("/workers", json={"count": 2}, headers={"X-Labkit-Run": "of-yesterday"})
    same = api.get("/workers", headers={"X-Labkit-Run": rows_lab.aio.state.run_id})

    assert (other.status_code, other.json()["expected"]) == (421, "run 'of-yesterday'")
    assert "first cell" in other.json()["next"]
    assert (same.status_code, same.json()["count"]) == (200, 1)
