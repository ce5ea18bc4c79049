"""The inspector's API: what finds, compares, verifies and exports requests."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from inspectors import DEADLINE, Inspector, inspector

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector() as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The name of a bin for one test."""
    return f"bin-{abs(hash(request.node.nodeid)) % 10**12}"


def send(shared: Inspector, name: str, body: str = "", status: int | None = None, **more: Any) -> str:
    """Send a request, as a callback if it has a function's status; return its id."""
    headers = dict(more.pop("headers", {}))
    if status is not None:
        headers |= {"X-Function-Name": "figlet", "X-Function-Status": str(status), "X-Call-Id": f"c{body}"}
    answer = shared.api.request(
        more.pop("method", "POST"), f"/r/{name}", content=body, headers=headers, **more
    )
    return str(answer.headers["X-Request-Id"])


@pytest.fixture
def later() -> Iterator[Callable[..., None]]:
    """Call a function after some seconds; the test ends after it has returned."""
    timers: list[threading.Timer] = []

    def start(seconds: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        timers.append(threading.Timer(seconds, function, args, kwargs))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join(DEADLINE)


def verify(shared: Inspector, name: str, **document: Any) -> dict[str, Any]:
    answer = shared.api.post(f"/api/v1/bins/{name}/verify", json=document)
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


# -- GET /bins/{bin}/requests: filters and wait


def test_a_list_is_filtered_by_the_status_that_was_answered_and_by_time(shared: Inspector, name: str) -> None:
    send(shared, name, "first")
    between = time.time()
    shared.api.put(f"/api/v1/bins/{name}", json={"answer": 503})
    send(shared, name, "second")

    def bodies(**query: Any) -> list[str]:
        return [each["body"] for each in shared.get(f"/bins/{name}/requests", **query)["requests"]]

    assert bodies(status=503) == ["second"]
    assert bodies(status=200) == ["first"]
    assert bodies(since=between) == ["second"]
    assert bodies(until=between) == ["first"]
    assert bodies(since="2020-01-01T00:00:00Z", order="oldest") == ["first", "second"]


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=1e400", "status=x", "since=2026-13-01T00:00:00Z"]
)
def test_an_invalid_filter_is_a_422(shared: Inspector, name: str, query: str) -> None:
    send(shared, name)
    assert shared.api.get(f"/api/v1/bins/{name}/requests?{query}").status_code == 422


def test_a_wait_that_times_out_names_the_closest_requests_and_what_differed(
    shared: Inspector, name: str
) -> None:
    missed = send(shared, name, "1", 500)
    found = shared.get(f"/bins/{name}/requests", wait="50ms", function="figlet", function_status=200)
    assert found["timed_out"]
    assert found["closest"] == [{"id": missed, "why": ["function_status was 500, expected 200"]}]


def test_a_wait_for_a_status_ends_when_the_request_is_answered(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={"answer": 418})
    later(0.2, send, shared, name)
    assert shared.get(f"/bins/{name}/requests", wait="10s", status=418)["count"] == 1


# -- POST /bins/{bin}/verify


def test_verify_waits_up_to_within_and_returns_with_the_request(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    send(shared, name, "0", 500)
    later(0.3, send, shared, name, "1", 200)
    verdict = verify(shared, name, expect=[{"match": {"function_status": 200}}], within="10s")
    assert verdict["verified"], verdict
    assert 0.1 < verdict["waited"] < 5


def test_verify_explains_a_near_miss(shared: Inspector, name: str) -> None:
    missed = send(shared, name, "1", 500)
    verdict = verify(shared, name, expect=[{"match": {"function": "figlet", "function_status": 200}}])
    assert not verdict["verified"]
    assert verdict["results"][0]["near_misses"] == [
        {"id": missed, "why": ["function_status was 500, expected 200"]}
    ]


def test_verify_never_watches_the_whole_window(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    send(shared, name, "x")
    silent = verify(shared, name, expect=[{"match": {"method": "PUT"}, "never": True}], within="400ms")
    assert silent["verified"]
    assert silent["waited"] >= 0.4

    later(0.2, send, shared, name, method="PUT")
    broken = verify(shared, name, expect=[{"match": {"method": "PUT"}, "never": True}], within="10s")
    assert not broken["verified"]
    assert broken["waited"] < 5


def test_verify_no_extra_ordered_and_after(shared: Inspector, name: str) -> None:
    first = send(shared, name, "a")
    second = send(shared, name, "b")
    a, b = {"match": {"body": "a"}}, {"match": {"body": "b"}}
    assert verify(shared, name, expect=[a, b], ordered=True)["verified"]
    assert not verify(shared, name, expect=[b, a], ordered=True)["verified"]
    assert verify(shared, name, expect=[a], no_extra=True)["extra"] == [second]
    assert verify(shared, name, expect=[b], no_extra=True, after=first)["verified"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"expect": []},
        {"expect": [{"match": {"x": 1}}]},
        {"expect": [{}], "within": "soon"},
        {"expect": [{}], "within": "61s"},
        {"expect": [{}], "after": "x"},
        {"expect": [{}] * 51},
        {"wat": 1},
    ],
)
def test_an_invalid_verification_is_a_422(shared: Inspector, name: str, document: Any) -> None:
    send(shared, name)
    answer = shared.api.post(f"/api/v1/bins/{name}/verify", json=document)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]


def test_deleting_the_bin_ends_a_verification(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    send(shared, name)
    later(0.2, shared.api.delete, f"/api/v1/bins/{name}")
    document = {"expect": [{"match": {"method": "PUT"}}], "within": "20s"}
    begun = time.monotonic()
    assert shared.api.post(f"/api/v1/bins/{name}/verify", json=document).status_code == 404
    assert time.monotonic() - begun < 5


# -- PATCH, shift, diff


def test_a_request_gets_note_mark_and_pin(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={"capacity": 2})
    kept = send(shared, name, "kept")
    path = f"/api/v1/bins/{name}/requests/{kept}"
    assert shared.api.patch(path, json={"note": "look", "mark": "red", "pinned": True}).status_code == 200
    for _ in range(5):
        send(shared, name)

    record = shared.api.get(path).json()
    assert (record["note"], record["mark"], record["pinned"]) == ("look", "red", True)
    assert shared.api.patch(path, json={"note": ""}).json()["note"] is None
    assert shared.api.patch(path, json={"colour": "red"}).status_code == 422
    assert shared.api.patch(path, json={"note": "x" * 10_001}).status_code == 422
    assert shared.api.patch(f"/api/v1/bins/{name}/requests/none", json={}).status_code == 404


def test_shift_pops_the_oldest_and_waits_for_one(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    send(shared, name, "1")
    send(shared, name, "2")
    path = f"/api/v1/bins/{name}/requests/shift"
    assert [shared.api.post(path).json()["body"] for _ in range(2)] == ["1", "2"]
    assert shared.api.post(path).status_code == 204
    later(0.2, send, shared, name, "3")
    assert shared.api.post(f"{path}?wait=10s").json()["body"] == "3"
    assert shared.api.post("/api/v1/bins/none-of-these/requests/shift").status_code == 404


def test_any_two_requests_are_compared_also_of_two_bins(shared: Inspector, name: str) -> None:
    one = send(shared, name, "a")
    other = send(shared, f"{name}-2", "b", method="PUT")
    path = f"/api/v1/bins/{name}/requests/{one}/diff"
    found = shared.api.get(path, params={"with": other, "bin": f"{name}-2"}).json()
    assert {"field": "method", "from": "POST", "to": "PUT"} in found["request"]
    assert shared.api.get(path, params={"with": one}).json()["request"] == []
    assert shared.api.get(path).status_code == 422
    assert shared.api.get(path, params={"with": "none"}).status_code == 404


# -- exports and import


def test_the_curl_line_of_a_request_sends_it_again(shared: Inspector, name: str) -> None:
    original = send(
        shared, name, "it's\n$HOME 汉", headers={"X-Odd": "a'b", "Accept": "x/y"}, params={"a": "[1]"}
    )
    path = f"/api/v1/bins/{name}/requests/{original}/export"
    line = shared.api.get(path, params={"format": "curl"}).text

    subprocess.run(["sh", "-c", line.replace("curl ", "curl -s ", 1)], check=True, timeout=DEADLINE)

    again = shared.get(f"/bins/{name}/requests/latest")
    found = shared.api.get(f"/api/v1/bins/{name}/requests/{original}/diff", params={"with": "latest"}).json()
    assert again["id"] != original
    assert [each for each in found["request"] if each["field"] != "headers.Connection"
            and each["field"] != "headers.Accept-Encoding"] == []  # fmt: skip


def test_every_format_is_exported_and_secrets_are_masked_on_request(shared: Inspector, name: str) -> None:
    request_id = send(shared, name, "x", headers={"Authorization": "Bearer s3cr3t"})
    one = f"/api/v1/bins/{name}/requests/{request_id}/export"
    for path, forms in (
        (one, ("curl", "python", "httpie", "http", "har")),
        (f"/api/v1/bins/{name}/export", ("har", "jsonl", "csv")),
    ):
        for form in forms:
            answer = shared.api.get(path, params={"format": form, "secrets": "mask"})
            assert answer.status_code == 200
            assert "s3cr3t" not in answer.text
        assert shared.api.get(path, params={"format": "pdf"}).status_code == 422
        assert shared.api.get(path, params={"secrets": "some"}).status_code == 422
    assert "s3cr3t" in shared.api.get(one).text


@pytest.mark.parametrize("form", ["har", "jsonl"])
def test_what_was_exported_is_imported_again(shared: Inspector, name: str, form: str) -> None:
    for number in range(3):
        send(shared, name, f"body {number}", 200, headers={"X-N": str(number)})
    exported = shared.api.get(f"/api/v1/bins/{name}/export", params={"format": form}).content
    shared.api.put(f"/api/v1/bins/{name}-copy", json={})

    answer = shared.api.post(f"/api/v1/bins/{name}-copy/import", content=exported)

    assert answer.status_code == 201, answer.text
    assert answer.json()["imported"] == 3

    def essence(bin_name: str) -> list[Any]:
        found = shared.get(f"/bins/{bin_name}/requests", order="oldest")["requests"]
        return [
            (each["body"], each["headers"], each["openfaas"], each["response"]["status"]) for each in found
        ]

    assert essence(f"{name}-copy") == essence(name)


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b'{"log":1}', b"{}", b'{"log":{"entries":[{}]}}', b"\xff" * 9]
)
def test_a_file_that_is_no_export_changes_nothing(shared: Inspector, name: str, data: bytes) -> None:
    send(shared, name)
    answer = shared.api.post(f"/api/v1/bins/{name}/import", content=data)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert shared.get(f"/bins/{name}")["count"] == 1


def test_a_table_of_a_bin_has_a_line_for_each_request(shared: Inspector, name: str) -> None:
    send(shared, name, "=cmd()")
    send(shared, name, "b")
    text = shared.api.get(f"/api/v1/bins/{name}/export", params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["body"] for row in rows] == ["'=cmd()", "b"]


def test_a_compressed_body_is_decoded_for_viewing_and_stored_as_it_came(shared: Inspector, name: str) -> None:
    import gzip

    packed = gzip.compress("汉字".encode())
    shared.api.post(f"/r/{name}", content=packed, headers={"Content-Encoding": "gzip"})
    record = shared.get(f"/bins/{name}/requests/latest")
    assert (record["decoded"]["text"], record["decoded"]["encodings"]) == ("汉字", ["gzip"])
    assert shared.api.get(f"/api/v1/bins/{name}/requests/latest/raw").content == packed


# -- RequestBin


def test_requestbin_s_client_creates_a_bin_and_reads_its_requests(shared: Inspector) -> None:
    created = shared.api.post("/api/v1/bins?compat=requestbin", data={"private": "false"})
    assert created.status_code == 201
    bin_ = created.json()
    assert bin_.keys() == {"private", "color", "name", "request_count"}
    shared.api.post(f"/{bin_['name']}?a=1", content="hi", headers={"X-Y": "z"})

    path = f"/api/v1/bins/{bin_['name']}"
    assert shared.api.get(f"{path}?compat=requestbin").json()["request_count"] == 1
    [request] = shared.api.get(f"{path}/requests?compat=requestbin").json()
    assert (request["body"], request["query_string"], request["headers"]["X-Y"]) == ("hi", {"a": ["1"]}, "z")
    assert shared.api.get(f"{path}/requests/{request['id']}?compat=requestbin").json() == request


# -- events: resume and poll


def read_events(shared: Inspector, path: str, until: str, **headers: str) -> list[tuple[str, str]]:
    """Read a stream up to an event; return (id, name) of each."""
    events: list[tuple[str, str]] = []
    with shared.api.stream("GET", path, headers=headers, timeout=DEADLINE) as stream:
        number = ""
        for line in stream.iter_lines():
            if line.startswith("id: "):
                number = line[4:]
            if line.startswith("event: "):
                events.append((number, line[7:]))
                if line[7:] == until:
                    break
    return events


def test_a_stream_resumes_after_the_last_event_of_the_client(shared: Inspector, name: str) -> None:
    send(shared, name, "1")
    path = f"/api/v1/bins/{name}/events"
    [(number, _)] = read_events(shared, path, "hello")
    send(shared, name, "2")

    missed = read_events(shared, path, "request.answered", **{"Last-Event-ID": number})

    assert [event for _, event in missed] == ["hello", "request.received", "request.answered"]
    numbers = [int(number) for number, _ in missed[1:]]
    assert numbers == sorted(numbers)
    assert numbers[0] > int(number)


def test_a_stream_that_can_t_be_resumed_begins_with_a_reset(shared: Inspector, name: str) -> None:
    send(shared, name)
    events = read_events(shared, f"/api/v1/bins/{name}/events?after=999999999", "reset")
    assert [event for _, event in events] == ["hello", "reset"]


async def test_polling_returns_the_same_events_as_the_stream(
    shared: Inspector, name: str, later: Callable[..., None]
) -> None:
    send(shared, name, "1")
    path = f"/api/v1/bins/{name}/events"
    begin = shared.api.get(path, params={"poll": 1}).json()
    assert begin["events"] == []
    send(shared, name, "2")
    now = shared.api.get(path, params={"poll": 1, "after": begin["next"]}).json()
    assert [each["event"] for each in now["events"]] == ["request.received", "request.answered"]
    assert now["events"][0]["data"]["request"]["bin"] == name

    later(0.2, send, shared, name, "3")
    later = await asyncio.to_thread(
        shared.api.get, path, params={"poll": 1, "after": now["next"], "wait": "10s"}
    )
    assert later.json()["events"][0]["event"] == "request.received"
    silent = shared.api.get(
        path, params={"poll": 1, "after": later.json()["next"] + 1, "wait": "50ms"}
    ).json()
    assert silent["reset"] or silent["events"]
    assert json.dumps(silent)
