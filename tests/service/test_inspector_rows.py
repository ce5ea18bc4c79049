"""Rows of the inspector's API and behaviour that no other test covers; see ``inspector_rows.py``."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import small_disk
from inspectors import Inspector, inspector

from labkit_services.inspector.records.bin_names import RESERVED

TOKEN = "secret-token-of-the-tests"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector() as running:
        yield running


@pytest.fixture(scope="module")
def locked() -> Iterator[Inspector]:
    """One that needs a token."""
    with inspector(inspector_token=TOKEN) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The name of a bin for one test."""
    return f"bin-{abs(hash(request.node.nodeid)) % 10**12}"


def capture(running: Inspector, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
    more = {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.post(running.url + path, content=body, headers=more)


def listed(running: Inspector, name: str, **query: Any) -> list[str]:
    """Return the bodies of the requests that a query finds."""
    return [record["body"] for record in running.get(f"/bins/{name}/requests", **query)["requests"]]


# -- 4.1 capture


def test_any_method_and_any_sub_path_is_captured(shared: Inspector, name: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        assert httpx.request(method, f"{shared.url}/{name}/a/b/{method}").status_code == 200

    records = shared.get(f"/bins/{name}/requests", order="oldest")["requests"]
    assert [(record["method"], record["subpath"]) for record in records][:2] == [
        ("GET", "/a/b/GET"),
        ("PUT", "/a/b/PUT"),
    ]
    assert len(records) == 6


def test_inspect_leads_a_browser_to_the_page(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={})
    browser = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}

    answer = httpx.get(f"{shared.url}/{name}?inspect", headers=browser)

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"#{name}")
    assert shared.get(f"/bins/{name}")["count"] == 0


def test_the_default_reply_is_ok_with_the_id(shared: Inspector, name: str) -> None:
    answer = capture(shared, f"/{name}")

    assert answer.json() == {"ok": True, "id": answer.headers["X-Request-Id"]}
    assert answer.headers["X-Bin-Id"] == name
    assert answer.headers["X-Bin-Created"] == "1"
    assert "X-Bin-Created" not in capture(shared, f"/{name}").headers


@pytest.mark.parametrize("reserved", sorted(RESERVED - {"r"}))
def test_no_bin_has_a_reserved_name(shared: Inspector, reserved: str) -> None:
    answer = shared.api.put(f"/api/v1/bins/{reserved}", json={})

    assert answer.status_code == 409
    assert "reserved" in answer.json()["error"]
    assert capture(shared, f"/r/{reserved}").status_code == 409


# -- 4.2 bins


def test_a_bin_is_created_with_all_fields(shared: Inspector, name: str) -> None:
    rule = {"status": 202, "body": "as told"}
    given = {"name": name, "capacity": 7, "note": "for the test", "response": rule}

    answer = shared.api.post("/api/v1/bins", json=given)

    assert answer.status_code == 201
    document = answer.json()
    assert (document["name"], document["capacity"], document["note"]) == (name, 7, "for the test")
    for key in ("url", "worker_url", "browser_url"):
        assert name in document[key]
    assert re.fullmatch("#[0-9a-f]{6}", document["color"])
    reply = capture(shared, f"/r/{name}")
    assert (reply.status_code, reply.text) == (202, "as told")


@pytest.mark.parametrize("response", [5, [], {"status": 99}, {"statu": 200}, "200"])
def test_an_invalid_response_creates_no_bin(shared: Inspector, name: str, response: Any) -> None:
    answer = shared.api.post("/api/v1/bins", json={"name": name, "response": response})

    assert answer.status_code == 422
    assert shared.api.get(f"/api/v1/bins/{name}").status_code == 404


# -- 4.2 the parameters of a list, one by one


@pytest.fixture
def filled(shared: Inspector, name: str) -> str:
    """A bin with four requests, their bodies one to four."""
    callback = {"X_Call_Id": "call-2", "X_Function_Name": "figlet", "X_Function_Status": "500"}
    capture(shared, f"/{name}/503?color=red", b"one", X_Test="blue")
    capture(shared, f"/{name}", b"two", **callback)
    httpx.put(f"{shared.url}/{name}", content=b"three")
    capture(shared, f"/{name}", b"four")
    return name


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"limit": 2}, ["four", "three"]),
        ({"order": "newest"}, ["four", "three", "two", "one"]),
        ({"order": "oldest"}, ["one", "two", "three", "four"]),
        ({"q": "tw"}, ["two"]),
        ({"q": "red"}, ["one"]),
        ({"q": "red", "in": "query"}, ["one"]),
        ({"q": "red", "in": "body"}, []),
        ({"q": "blue", "in": "headers"}, ["one"]),
        ({"q": "blue", "in": "any"}, ["one"]),
        ({"method": "put"}, ["three"]),
        ({"status": 503}, ["one"]),
        ({"call_id": "call-2"}, ["two"]),
        ({"function": "figlet"}, ["two"]),
        ({"function": "figlet.openfaas-fn"}, ["two"]),
        ({"function_status": 500}, ["two"]),
        ({"function_status": 200}, []),
        ({"until": "2001-01-01T00:00:00Z"}, []),
        ({"since": "2001-01-01T00:00:00Z"}, ["four", "three", "two", "one"]),
    ],
)
def test_each_parameter_of_a_list_selects(
    shared: Inspector, filled: str, query: dict[str, Any], found: list[str]
) -> None:
    assert listed(shared, filled, **query) == found


def test_after_continues_a_list_in_both_orders(shared: Inspector, filled: str) -> None:
    for order, rest in (("newest", ["two", "one"]), ("oldest", ["three", "four"])):
        page = shared.get(f"/bins/{filled}/requests", limit=2, order=order)
        assert (page["count"], page["total"], page["dropped"]) == (2, 4, 0)
        assert listed(shared, filled, limit=2, order=order, after=page["next"]) == rest


def test_wait_with_min_returns_at_once_or_times_out(shared: Inspector, filled: str) -> None:
    assert "timed_out" not in shared.get(f"/bins/{filled}/requests", wait="5s", min=4)
    late = shared.get(f"/bins/{filled}/requests", wait="100ms", min=5)
    assert (late["timed_out"], late["count"]) == (True, 4)


# -- 4.2 one request


def test_latest_first_and_an_id_name_a_request(shared: Inspector, filled: str) -> None:
    assert shared.get(f"/bins/{filled}/requests/latest")["body"] == "four"
    first = shared.get(f"/bins/{filled}/requests/first")
    assert first["body"] == "one"
    assert shared.get(f"/bins/{filled}/requests/{first['id']}") == first
    assert shared.api.get(f"/api/v1/bins/{filled}/requests/nothing").status_code == 404


@pytest.mark.parametrize("form", ["curl", "python", "httpie", "har", "http"])
def test_a_request_is_exported_in_each_format(shared: Inspector, filled: str, form: str) -> None:
    answer = shared.api.get(f"/api/v1/bins/{filled}/requests/first/export", params={"format": form})

    assert answer.status_code == 200
    assert "one" in answer.text
    assert shared.api.get(f"/api/v1/bins/{filled}/requests/first/export?format=xml").status_code == 422


def test_a_body_is_returned_raw(shared: Inspector, name: str) -> None:
    body = bytes(range(256))
    capture(shared, f"/{name}", body, Content_Type="text/html")

    answer = shared.api.get(f"/api/v1/bins/{name}/requests/latest/raw")

    assert answer.content == body
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_one_request_and_all_are_deleted(shared: Inspector, filled: str) -> None:
    assert shared.api.delete(f"/api/v1/bins/{filled}/requests/latest").status_code == 204
    assert listed(shared, filled) == ["three", "two", "one"]
    assert shared.api.delete(f"/api/v1/bins/{filled}/requests").status_code == 204
    assert listed(shared, filled) == []
    assert shared.get(f"/bins/{filled}")["received"] == 4


# -- 4.2 the inspector itself


@pytest.mark.parametrize("path", ["/healthz", "/ready", "/metrics", "/version", "/openapi.json"])
def test_monitors_need_no_token(locked: Inspector, path: str) -> None:
    assert httpx.get(locked.url + path).status_code == 200
    assert httpx.get(f"{locked.url}/api/v1{path}").status_code == 401
    assert locked.api.get(f"/api/v1{path}").status_code == 200


def test_status_counts_what_is_kept_within_which_limits(shared: Inspector, filled: str) -> None:
    status = shared.get("/status")

    assert status["name"] == "inspector"
    assert status["pid"] == shared.process.pid
    assert status["url"] == shared.url
    assert status["bins"] >= 1
    assert status["requests"] >= 4
    assert status["limits"] == {"bins": 200, "capacity": 500, "bytes": 256 * MEGABYTE}
    assert status["history"] == "memory"
    assert status["event_log"] == "none"
    assert status["ready"] is True
    assert status["uptime_seconds"] > 0


def test_metrics_count_requests_and_statuses_without_names_of_bins(shared: Inspector, filled: str) -> None:
    text = httpx.get(f"{shared.url}/metrics").text

    metrics = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE))
    assert float(metrics["inspector_requests_total"]) >= 4
    assert float(metrics['inspector_responses_total{code="503"}']) >= 1
    assert float(metrics['inspector_response_seconds_count{code="200"}']) >= 3
    assert float(metrics["inspector_bins"]) >= 1
    assert filled not in text


def test_ready_is_503_while_nothing_can_be_saved(tmp_path: Path) -> None:
    if reason := small_disk.skip_reason():
        pytest.skip(reason)
    with small_disk.small_disk(tmp_path) as disk:
        folder = disk.folder / "own"
        folder.mkdir(mode=0o700)
        with inspector(history=str(folder / "history.sqlite3")) as running:
            assert running.api.get("/ready").json() == {"ready": True}
            disk.fill()
            assert capture(running, "/r/full", bytes(MEGABYTE)).status_code == 507

            unready = running.api.get("/ready")

            assert unready.status_code == 503
            assert unready.json()["ready"] is False
            assert unready.json()["error"]
            assert running.get("/status")["error"]
            disk.free()
            assert capture(running, "/r/full", b"again").status_code == 200
            assert running.api.get("/ready").status_code == 200


def test_the_openapi_document_is_served(shared: Inspector) -> None:
    document = httpx.get(f"{shared.url}/openapi.json").json()

    assert document["info"]["title"] == "labkit inspector"
    assert document == shared.get("/openapi.json")


# -- 4.2 without a lab


@pytest.mark.parametrize(
    "path", ["/calls", "/calls/some-id", "/queue", "/queues", "/services", "/functions", "/logs"]
)
def test_without_a_lab_its_routes_are_503_with_the_next_step(shared: Inspector, path: str) -> None:
    answer = shared.api.get(f"/api/v1{path}")

    assert answer.status_code == 503
    assert answer.json()["next"]


def test_without_a_lab_faults_of_bins_work_and_those_of_services_are_503(
    shared: Inspector, name: str
) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={})
    order = {"where": "callback", "what": "drop", "bin": name, "expires": "30s"}

    assert shared.api.post("/api/v1/faults", json=order).status_code == 201
    assert f"drop:{name}" in [fault["id"] for fault in shared.get("/faults")["faults"]]
    assert shared.api.delete(f"/api/v1/faults/drop:{name}").status_code == 204
    service = shared.api.post("/api/v1/faults", json={"where": "gateway", "what": "pause"})
    assert service.status_code == 503
    assert service.json()["next"]


# -- 4.3 the record


RECORD = {
    *("id", "bin", "seq", "received_at", "remote_addr", "remote_port", "http_version", "method", "url"),
    *("path", "subpath", "query_string", "query", "headers", "content_type", "content_length", "body"),
    *("body_base64", "body_sha256", "truncated", "form", "response", "timing", "openfaas", "replay_of"),
    *("note", "mark", "pinned"),
}
OPENFAAS = {
    *("call_id", "function_name", "function_status", "duration_seconds", "retry", "retry_max"),
    *("queue_wait_seconds", "end_to_end_seconds"),
}


def test_a_record_has_every_field(shared: Inspector, name: str) -> None:
    callback = {"X_Call_Id": "ab12", "X_Function_Status": "200", "X_Retry": "0", "X_Retry_Max": "3"}
    capture(shared, f"/{name}?x=1", b"text", **callback)

    record = shared.get(f"/bins/{name}/requests/latest")

    assert record.keys() >= RECORD
    assert record["response"].keys() >= {"status", "headers", "body_base64", "rule", "delay_ms"} | {
        "overridden_by"
    }
    assert record["timing"].keys() == {"first_byte", "body_complete", "response_start", "response_end"} | {
        "held"
    }
    assert record["openfaas"].keys() == OPENFAAS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["received_at"])
    assert record["query"] == {"x": ["1"]}


# -- 4.5 behaviour


def test_a_ring_never_refuses_and_shows_how_many_were_dropped(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={"capacity": 3})

    for number in range(10):
        assert capture(shared, f"/{name}", str(number).encode()).status_code == 200

    assert listed(shared, name) == ["9", "8", "7"]
    assert shared.get(f"/bins/{name}/requests")["dropped"] == 7


def test_pinned_requests_stay_in_a_full_ring(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={"capacity": 2})
    capture(shared, f"/{name}", b"keep")
    pin = shared.api.patch(f"/api/v1/bins/{name}/requests/latest", json={"pinned": True})
    assert pin.json()["pinned"] is True

    for number in range(5):
        capture(shared, f"/{name}", str(number).encode())

    assert listed(shared, name) == ["4", "3", "keep"]


def test_a_body_beyond_a_mebibyte_is_truncated_and_hashed_whole(shared: Inspector, name: str) -> None:
    body = b"x" * MEGABYTE + b"rest"
    assert capture(shared, f"/{name}", body).status_code == 200

    record = shared.get(f"/bins/{name}/requests/latest")

    assert record["truncated"] is True
    assert record["content_length"] == len(body)
    assert len(base64.b64decode(record["body_base64"])) == MEGABYTE
    assert record["body_sha256"] == hashlib.sha256(body).hexdigest()
    raw = shared.api.get(f"/api/v1/bins/{name}/requests/latest/raw")
    assert raw.headers["X-Truncated"] == f"{MEGABYTE} of {len(body)} bytes"


def test_it_listens_on_this_machine_only(shared: Inspector) -> None:
    assert shared.url.startswith("http://127.0.0.1:")


def test_all_urls_of_a_bin_are_shown_together(shared: Inspector, name: str) -> None:
    document = shared.api.put(f"/api/v1/bins/{name}", json={}).json()

    assert document["worker_url"] == f"{shared.url}/r/{name}"
    assert document["browser_url"] == f"{shared.url}/#{name}"


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "99999999999", "0001-01-01T00:00:00Z"])
def test_a_time_far_away_is_a_time(shared: Inspector, filled: str, time: str) -> None:
    is_past = time.startswith("0")
    assert len(listed(shared, filled, since=time)) == (4 if is_past else 0)
    assert len(listed(shared, filled, until=time)) == (0 if is_past else 4)
