"""Large bins, many pages and files: captures go on beside them, in bounded memory."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from inspectors import Inspector, inspector

pytestmark = pytest.mark.alone

COUNT = 20_000
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def running() -> Iterator[Inspector]:
    with inspector() as each:
        each.api.timeout = httpx.Timeout(100)
        yield each


def line(number: int, **more: Any) -> bytes:
    """Return a request as a line of a file."""
    document = {
        "received_at": "2026-01-01T00:00:00Z",
        "method": "POST",
        "url": f"http://h/r/big/{number}",
        "headers": [["Host", "h"], ["X-Number", str(number)]],
        "body_base64": base64.b64encode(b"body %d" % number).decode(),
        "response": {"status": 200, "headers": []},
        **more,
    }
    return json.dumps(document).encode() + b"\n"


@contextmanager
def captures(running: Inspector) -> Iterator[list[float]]:
    """Send requests all the time; yield how long each took."""
    took: list[float] = []
    over = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=running.url, trust_env=False, timeout=100) as client:
            while not over.is_set():
                begin = time.perf_counter()
                assert client.post("/r/beside").status_code == 200
                took.append(time.perf_counter() - begin)
                time.sleep(0.005)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield took
    finally:
        over.set()
        sender.join()


def imported(running: Inspector, name: str, data: bytes, capacity: int = COUNT) -> httpx.Response:
    running.api.put(f"/api/v1/bins/{name}", json={"capacity": capacity}).raise_for_status()
    return running.api.post(f"/api/v1/bins/{name}/import", content=data)


def test_captures_go_on_while_a_large_bin_is_imported_verified_and_exported(running: Inspector) -> None:
    """Each of these took seconds in one piece before they took turns."""
    data = b"".join(map(line, range(COUNT)))
    with captures(running) as took:
        assert imported(running, "big", data).json()["imported"] == COUNT
        expected = {"expect": [{"match": {"headers": {"X-Number": "-1"}}}]}
        verdict = running.api.post("/api/v1/bins/big/verify", json=expected).json()
        assert verdict["verified"] is False
        for form in ("jsonl", "har", "csv"):
            export = running.api.get(f"/api/v1/bins/big/export?format={form}")
            assert export.text.count(f"/r/big/{COUNT - 1}") >= 1

    assert len(took) > 20
    assert max(took) < 1.0, sorted(took)[-5:]
    rows = running.get("/status")
    assert rows["memory_bytes"] < 100 * MEGABYTE


def test_an_import_keeps_no_more_of_a_body_than_a_capture(running: Inspector) -> None:
    body = base64.b64encode(bytes(2 * MEGABYTE)).decode()
    response = {"status": 200, "headers": [], "body_base64": body}

    assert imported(running, "cut", line(1, body_base64=body, response=response)).status_code == 201

    record = running.get("/bins/cut/requests/latest")
    assert (record["truncated"], record["content_length"]) == (True, 2 * MEGABYTE)
    assert len(base64.b64decode(record["body_base64"])) == MEGABYTE
    again = running.api.get("/api/v1/bins/cut/export?format=jsonl").content
    assert imported(running, "again", again).status_code == 201
    copy = running.get("/bins/again/requests/latest")
    assert (copy["truncated"], copy["body_sha256"]) == (True, record["body_sha256"])


def test_an_import_of_too_many_or_too_large_is_refused_and_adds_nothing(running: Inspector) -> None:
    assert imported(running, "few", line(1) * 3, capacity=2).status_code == 422
    assert imported(running, "few", b"{" + b" " * 33 * MEGABYTE).status_code == 413
    assert imported(running, "few", line(1) + b"{]\n" + line(2)).status_code == 422
    assert running.get("/bins/few")["received"] == 0


def test_a_bin_deleted_during_an_import_or_export_ends_it(running: Inspector) -> None:
    data = b"".join(map(line, range(COUNT)))
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(imported(running, "gone", data).status_code))
    sender.start()
    with httpx.Client(base_url=running.url, trust_env=False, timeout=100) as client:
        while client.get("/api/v1/bins/gone").json().get("count", 0) < 200:
            assert sender.is_alive()
        assert client.delete("/api/v1/bins/gone").status_code == 204
        sender.join()
        assert answers == [404]
        assert client.get("/api/v1/bins/gone").status_code == 404

        imported(running, "gone", data)
        with client.stream("GET", "/api/v1/bins/gone/export?format=jsonl") as export:
            pieces = export.iter_bytes()
            next(pieces)
            running.api.delete("/api/v1/bins/gone").raise_for_status()
            rest = sum(map(len, pieces))
        assert rest < 11 * MEGABYTE, "a whole export has 12"


def test_a_page_that_reads_nothing_delays_nobody(running: Inspector) -> None:
    with (
        httpx.Client(base_url=running.url, trust_env=False) as client,
        client.stream("GET", "/api/v1/events"),
    ):
        for number in range(3000):
            assert running.api.post("/r/quiet", content=b"%d" % number).status_code == 200

    assert running.get("/bins/quiet")["received"] == 3000


def test_the_hundred_and_first_page_is_refused_and_others_go_on(running: Inspector) -> None:
    pages = [httpx.Client(base_url=running.url, trust_env=False) for _ in range(100)]
    streams = [page.stream("GET", "/api/v1/events") for page in pages]
    try:
        assert {stream.__enter__().status_code for stream in streams} == {200}
        assert running.api.get("/api/v1/events").status_code == 507
        assert running.api.get("/api/v1/events?poll=1").status_code == 507
        assert running.api.post("/r/many").status_code == 200
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)
        for page in pages:
            page.close()


def test_nested_compression_is_viewed_within_limits(running: Inspector) -> None:
    body = bytes(100 * MEGABYTE)
    for _ in range(3):
        body = gzip.compress(body, mtime=0)
    running.api.post("/r/nested", content=body, headers={"Content-Encoding": "gzip, gzip, gzip"})

    record = running.get("/bins/nested/requests/latest")

    assert record["decoded"]["size"] <= MEGABYTE
    assert record["decoded"]["notes"]
    assert record["content_length"] == len(body)
