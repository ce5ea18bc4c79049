"""The inspector as a process: captures, API, events, access, shutdown."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from inspectors import COMMAND, DEADLINE, Inspector, inspector, nats_server

from labkit_services.contract.events import decode_batch

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    """One inspector for all tests that use their own bins."""
    with inspector() as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The name of a bin for one test."""
    return f"bin-{abs(hash(request.node.nodeid)) % 10**12}"


# -- capturing


async def test_a_request_is_captured_unchanged(shared: Inspector, name: str) -> None:
    body = b"hello"
    head = (
        f"POST /r/{name}/a%20b?x=1&x=2 HTTP/1.1\r\nhost: some.host\r\nX-b: 1\r\nx-B: 2\r\nX-b: 1\r\n"
        "Content-Length: 5\r\nX-Odd:  blanks  inside  \r\n\r\n"
    )
    answer = await shared.raw(head.encode() + body)
    record = shared.get(f"/bins/{name}/requests/latest")
    assert answer.status == 200
    assert json.loads(answer.body) == {"ok": True, "id": record["id"]}
    assert answer.headers.get("X-Bin-Id") == name
    assert answer.headers.get("X-Request-Id") == record["id"]
    assert record["headers"] == [
        ["host", "some.host"],
        ["X-b", "1"],
        ["x-B", "2"],
        ["X-b", "1"],
        ["Content-Length", "5"],
        ["X-Odd", "blanks  inside"],
    ]
    assert (record["method"], record["path"], record["subpath"]) == ("POST", f"/r/{name}/a%20b", "/a%20b")
    assert (record["query_string"], record["query"]) == ("x=1&x=2", {"x": ["1", "2"]})
    assert record["url"] == f"http://some.host/r/{name}/a%20b?x=1&x=2"
    assert (record["remote_addr"], record["http_version"], record["seq"]) == ("127.0.0.1", "1.1", 1)
    assert record["body"] == "hello"


async def test_the_response_to_the_first_request_shows_a_new_bin(shared: Inspector, name: str) -> None:
    answers = [await shared.send(f"/{name}") for _ in range(3)]
    assert [answer.headers.get("X-Bin-Created") for answer in answers] == ["1", "", ""]


async def test_both_urls_of_a_bin_and_all_paths_below_are_captured(shared: Inspector, name: str) -> None:
    paths = [f"/{name}", f"/{name}/", f"/r/{name}", f"/r/{name}/", f"/{name}/a/b", f"/r/{name}/r/{name}"]
    for path in paths:
        assert (await shared.send(path)).status == 200
    found = shared.get(f"/bins/{name}/requests", order="oldest")["requests"]
    assert [record["path"] for record in found] == paths
    assert [record["subpath"] for record in found] == ["/", "/", "/", "/", "/a/b", f"/r/{name}"]


@pytest.mark.parametrize(
    "method",
    [
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
        *("TRACE", "PROPFIND", "REPORT", "PURGE", "FOO", "get"),
    ],
)
async def test_every_method_is_captured(shared: Inspector, method: str) -> None:
    bin_name = f"method-{method}"
    body = b"" if method in ("GET", "HEAD", "TRACE") else b"body"
    answer = await shared.send(f"/r/{bin_name}", body, method=method)
    assert answer.status == 200
    record = shared.get(f"/bins/{bin_name}/requests/latest")
    assert (record["method"], record["body"]) == (method, body.decode())
    assert answer.headers.get("X-Request-Id") == record["id"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        bytes(range(256)) * 10,
        gzip.compress(b"some text " * 100),
        b"\xff\xfe\x00",
        "回调 · ünïcode\r\n".encode(),
        SCRIPT.encode(),
        b"x" * MEGABYTE,
    ],
    ids=["empty", "nul", "binary", "gzip", "no utf-8", "utf-8", "markup", "exactly the limit"],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_are_returned_byte_for_byte(
    shared: Inspector, name: str, body: bytes, chunked: bool
) -> None:
    if chunked:
        half = len(body) // 2
        parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
        head = f"POST /r/{name} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        await shared.raw(head.encode() + parts + b"0\r\n\r\n")
    else:
        await shared.send(f"/r/{name}", body)
    record = shared.get(f"/bins/{name}/requests/latest")
    assert base64.b64decode(record["body_base64"]) == body
    assert record["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert (record["content_length"], record["truncated"]) == (len(body), False)
    assert shared.api.get(f"/api/v1/bins/{name}/requests/latest/raw").content == body


async def test_an_oversize_body_is_truncated_and_hashed_completely(shared: Inspector, name: str) -> None:
    body = os.urandom(64) * (5 * MEGABYTE // 64)
    assert (await shared.send(f"/r/{name}", body)).status == 200
    record = shared.get(f"/bins/{name}/requests/latest")
    assert base64.b64decode(record["body_base64"]) == body[:MEGABYTE]
    assert (record["truncated"], record["content_length"]) == (True, len(body))
    assert record["body_sha256"] == hashlib.sha256(body).hexdigest()
    raw = shared.api.get(f"/api/v1/bins/{name}/requests/latest/raw")
    assert raw.headers["X-Truncated"] == f"{MEGABYTE} of {len(body)} bytes"


async def test_an_incomplete_body_is_not_captured(shared: Inspector, name: str) -> None:
    wire = await shared.connect()
    wire.send(f"POST /r/{name} HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf".encode())
    await wire.close()
    await shared.send(f"/r/{name}", b"whole")
    assert [record["body"] for record in shared.get(f"/bins/{name}/requests")["requests"]] == ["whole"]


async def test_callback_headers_are_parsed(shared: Inspector, name: str) -> None:
    headers = ("X-Call-Id: ab12", "X-Function-Name: figlet.openfaas-fn", "X-Function-Status: 200")
    await shared.send(f"/r/{name}", b"banner", *headers, "X-Duration-Seconds: 0.003214")
    assert shared.get(f"/bins/{name}/requests/latest")["openfaas"] == {
        "call_id": "ab12",
        "function_name": "figlet",
        "function_status": 200,
        "duration_seconds": 0.003214,
        "queue_wait_seconds": None,  # only a lab knows these two
        "end_to_end_seconds": None,
    }


@pytest.mark.parametrize(
    "path", ["/api", "/r/api", "/r/healthz/x", "/static", "/metrics", "/favicon.ico", "/r/r"]
)
async def test_the_error_for_a_reserved_name_has_reason_and_next_step(shared: Inspector, path: str) -> None:
    answer = await shared.send(path, b"x")
    error = json.loads(answer.body)
    assert answer.status == 409
    assert "reserved" in error["error"]
    assert "/r/" in error["next"]


@pytest.mark.parametrize("path", ["/r/a%20b", "/r/.hidden", "/r/%3Cscript%3E", "/r//x", "/r/" + "x" * 65])
async def test_an_invalid_name_is_an_error(shared: Inspector, path: str) -> None:
    answer = await shared.send(path, b"x")
    assert answer.status == 422
    assert "letters" in json.loads(answer.body)["expected"]


@pytest.mark.parametrize("path", ["/r", "/r/"])
async def test_a_missing_name_is_an_error(shared: Inspector, path: str) -> None:
    answer = await shared.send(path, b"x")
    assert (answer.status, json.loads(answer.body)["next"]) == (404, "send to /r/callbacks, for example")


async def test_two_hundred_concurrent_captures_keep_their_order(shared: Inspector, name: str) -> None:
    answers = await asyncio.gather(*[shared.send(f"/r/{name}", b"%d" % number) for number in range(200)])
    found = shared.get(f"/bins/{name}/requests", order="oldest", limit=500)
    records = found["requests"]
    assert (found["count"], found["total"], found["next"]) == (200, 200, None)
    assert [record["seq"] for record in records] == list(range(1, 201))
    ids = [record["id"] for record in records]
    assert ids == sorted(set(ids))
    assert set(ids) == {answer.headers.get("X-Request-Id") for answer in answers}
    assert sorted(int(record["body"]) for record in records) == list(range(200))
    newest = shared.get(f"/bins/{name}/requests", limit=500)["requests"]
    assert [record["id"] for record in newest] == ids[::-1]


# -- bounds


async def test_a_full_bin_drops_the_oldest_and_shows_how_many() -> None:
    with inspector(bin_capacity="5") as running:
        for number in range(8):
            await running.send("/r/full", b"%d" % number)
        found = running.get("/bins/full/requests")
        assert [record["body"] for record in found["requests"]] == ["7", "6", "5", "4", "3"]
        assert found["dropped"] == 3
        assert running.get("/bins/full")["dropped"] == 3
        assert running.get("/bins/full/requests/first")["body"] == "3"


async def test_memory_and_number_of_bins_are_limited() -> None:
    with inspector(max_bytes=str(3 * MEGABYTE), max_bins="10") as running:
        for number in range(30):
            assert (await running.send(f"/r/bin{number}", b"x" * MEGABYTE)).status == 200
        bins = running.get("/bins")["bins"]
        assert [each["name"] for each in bins] == [f"bin{number}" for number in range(20, 30)]
        assert sum(each["count"] for each in bins) == 2


async def test_too_many_explicit_bins_are_an_error() -> None:
    with inspector(max_bins="2") as running:
        for number in range(2):
            assert running.api.put(f"/api/v1/bins/bin{number}").status_code == 201
        assert running.api.put("/api/v1/bins/one-more").status_code == 507
        answer = await running.send("/r/one-more")
        assert (answer.status, "too many bins" in answer.body.decode()) == (507, True)


# -- the API


def test_bins_are_created_changed_listed_and_deleted(shared: Inspector, name: str) -> None:
    path = f"/api/v1/bins/{name}"
    made = shared.api.put(path)
    assert made.status_code == 201
    assert made.json()["url"] == f"{shared.url}/r/{name}"
    assert shared.api.put(path, json={"capacity": 7}).status_code == 200
    assert shared.get(f"/bins/{name}")["capacity"] == 7
    assert name in [each["name"] for each in shared.get("/bins")["bins"]]
    assert shared.api.delete(path).status_code == 204
    assert shared.api.get(path).status_code == 404
    assert shared.api.delete(path).status_code == 404


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_bin_with_another_status_captures_requests(shared: Inspector, name: str, status: int) -> None:
    bin_ = shared.api.put(f"/api/v1/bins/{name}", json={"answer": status}).json()
    answer = httpx.post(f"{shared.url}/r/{name}", content=b"late")

    assert (bin_["answer"], answer.status_code) == (status, status)
    assert answer.json()["ok"] == (status < 400)
    assert [each["body"] for each in shared.get(f"/bins/{name}/requests")["requests"]] == ["late"]


def test_a_bin_that_closes_connections_still_captures_requests(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}", json={"answer": 0})
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{shared.url}/r/{name}", content=b"lost")
    shared.api.put(f"/api/v1/bins/{name}", json={"answer": 200})

    assert httpx.post(f"{shared.url}/r/{name}").status_code == 200
    assert shared.get(f"/bins/{name}")["count"] == 2


def test_post_creates_a_bin_with_or_without_a_name(shared: Inspector, name: str) -> None:
    assert shared.api.post("/api/v1/bins", json={"name": name, "capacity": 3}).status_code == 201
    again = shared.api.post("/api/v1/bins", json={"name": name})
    assert (again.status_code, "already" in again.json()["error"]) == (409, True)
    unnamed = shared.api.post("/api/v1/bins")
    assert unnamed.status_code == 201
    assert shared.get(f"/bins/{unnamed.json()['name']}")["count"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"name": 1}', 422),
        (b'{"capacity": "5"}', 422),
        (b'{"capacity": true}', 422),
        (b'{"capacity": 0}', 422),
        (b'{"answer": 100}', 422),
        (b'{"answer": 600}', 422),
        (b'{"answer": "503"}', 422),
        (b'{"colour": "red"}', 422),
        (b'{"name": "api"}', 409),
        (b'{"name": "<script>"}', 422),
        (b"\xff", 422),
        (b"x" * 100_000, 413),
    ],
)
def test_invalid_settings_are_an_error(shared: Inspector, body: bytes, status: int) -> None:
    assert shared.api.post("/api/v1/bins", content=body).status_code == status


async def test_single_requests_are_read_and_deleted(shared: Inspector, name: str) -> None:
    ids = [(await shared.send(f"/r/{name}", body)).headers.get("X-Request-Id") for body in (b"1", b"2", b"3")]
    base = f"/bins/{name}/requests"
    assert shared.get(f"{base}/first")["id"] == ids[0]
    assert shared.get(f"{base}/latest")["id"] == ids[2]
    assert shared.get(f"{base}/{ids[1]}")["body"] == "2"
    assert shared.api.delete(f"/api/v1{base}/{ids[1]}").status_code == 204
    assert shared.api.get(f"/api/v1{base}/{ids[1]}").status_code == 404
    assert [record["id"] for record in shared.get(base)["requests"]] == [ids[2], ids[0]]
    assert shared.api.delete(f"/api/v1{base}").status_code == 204
    assert shared.get(base)["requests"] == []
    gone = shared.api.get(f"/api/v1{base}/latest")
    assert (gone.status_code, "holds no such request" in gone.json()["error"]) == (404, True)


async def test_lists_are_filtered_and_paged(shared: Inspector, name: str) -> None:
    for number in range(10):
        status = "500" if number % 5 == 0 else "200"
        headers = (f"X-Call-Id: call-{number}", "X-Function-Name: long-task", f"X-Function-Status: {status}")
        await shared.send(f"/r/{name}?n={number}", b"needle" if number == 7 else b"", *headers)
    base = f"/bins/{name}/requests"
    assert [each["query_string"] for each in shared.get(base, function_status=500)["requests"]] == [
        "n=5",
        "n=0",
    ]
    assert shared.get(base, call_id="call-3")["requests"][0]["query_string"] == "n=3"
    assert shared.get(base, q="NEEDLE")["requests"][0]["query_string"] == "n=7"
    assert shared.get(base, function="long-task.openfaas-fn")["total"] == 10
    page = shared.get(base, limit=4, order="oldest")
    assert (page["count"], page["total"]) == (4, 10)
    rest = shared.get(base, limit=10, order="oldest", after=page["next"])
    assert [each["seq"] for each in rest["requests"]] == [5, 6, 7, 8, 9, 10]
    assert "headers" not in shared.get(base, bodies="false")["requests"][0]


@pytest.mark.parametrize(
    "query", ["callid=x", "limit=0", "wait=soon", "order=sideways", "after=nonsense", "in=nowhere"]
)
def test_an_invalid_query_is_a_422(shared: Inspector, name: str, query: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}")
    response = shared.api.get(f"/api/v1/bins/{name}/requests?{query}")
    assert (response.status_code, "error" in response.json()) == (422, True)


@pytest.mark.parametrize("path", ["/bins/no-such", "/bins/no-such/requests", "/bins/no-such/events"])
def test_a_missing_bin_is_a_404_with_the_next_step(shared: Inspector, path: str) -> None:
    response = shared.api.get(f"/api/v1{path}")
    assert (response.status_code, "PUT" in response.json()["next"]) == (404, True)


def test_health_and_version_need_no_token(shared: Inspector) -> None:
    assert shared.api.get("/healthz").text == "OK\n"
    assert shared.api.get("/version").json()["name"] == "inspector"


# -- waiting


async def test_wait_returns_as_soon_as_enough_requests_match(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}")
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False, timeout=DEADLINE) as client:
        query = {"wait": "15s", "min": 2, "call_id": "wanted", "order": "oldest"}
        waiting = asyncio.create_task(client.get(f"/api/v1/bins/{name}/requests", params=query))
        for call in ("other", "wanted", "other", "wanted"):
            await shared.send(f"/r/{name}", call.encode(), f"X-Call-Id: {call}")
        found = (await waiting).json()
    assert [record["body"] for record in found["requests"]] == ["wanted", "wanted"]
    assert "timed_out" not in found


async def test_wait_misses_no_request(shared: Inspector, name: str) -> None:
    """Fifty waits and the requests they wait for start at the same moment."""
    shared.api.put(f"/api/v1/bins/{name}")
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(
        base_url=shared.url, trust_env=False, timeout=DEADLINE, limits=limits
    ) as client:

        async def wait(number: int) -> Any:
            query = {"wait": "15s", "call_id": f"call-{number}"}
            return (await client.get(f"/api/v1/bins/{name}/requests", params=query)).json()

        async def send(number: int) -> None:
            await shared.send(f"/r/{name}", b"", f"X-Call-Id: call-{number}")

        begun = time.monotonic()
        found = await asyncio.gather(*[action(number) for number in range(50) for action in (wait, send)])
    assert all(each["count"] == 1 and "timed_out" not in each for each in found[::2])
    assert time.monotonic() - begun < 10


def test_a_wait_that_times_out_reports_it(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}")
    begun = time.monotonic()
    found = shared.get(f"/bins/{name}/requests", wait="200ms")
    assert (found["requests"], found["timed_out"]) == ([], True)
    assert 0.19 < time.monotonic() - begun < 5


async def test_deleting_the_bin_ends_a_wait(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}")
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False, timeout=DEADLINE) as client:
        waiting = asyncio.create_task(client.get(f"/api/v1/bins/{name}/requests?wait=15s"))
        # Either connection may be first: in both cases it is a 404 at once.
        assert (await client.delete(f"/api/v1/bins/{name}")).status_code == 204
        assert (await waiting).status_code == 404


# -- server-sent events


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, json.loads(line[6:])


def test_changes_are_sent_as_events(shared: Inspector, name: str) -> None:
    shared.api.put(f"/api/v1/bins/{name}")
    with (
        shared.api.stream(
            "GET", f"/api/v1/bins/{name}/events", headers={"Accept": "text/event-stream"}
        ) as response,
        httpx.Client(base_url=shared.url, trust_env=False) as client,
    ):
        assert response.headers["Content-Type"] == "text/event-stream"
        received = events(response)
        assert next(received) == ("hello", {})
        client.post("/r/somewhere-else")
        client.post(f"/r/{name}", content=SCRIPT, headers={"X-Call-Id": "ab"})
        kind, data = next(received)
        assert (kind, data["bin"]["count"], data["request"]["openfaas"]["call_id"]) == (
            "request.received",
            1,
            "ab",
        )
        kind, data = next(received)
        assert (kind, data["request"]["response"]["status"]) == ("request.answered", 200)
        client.delete(f"/api/v1/bins/{name}/requests/latest")
        assert next(received)[0] == "request.deleted"
        client.delete(f"/api/v1/bins/{name}/requests")
        assert next(received)[0] == "bin.cleared"
        client.delete(f"/api/v1/bins/{name}")
        assert next(received)[0] == "bin.deleted"


# -- security


@pytest.fixture(scope="module")
def locked() -> Iterator[Inspector]:
    with inspector(inspector_token="s3cret") as running:
        yield running


def test_captures_need_no_token_but_page_and_api_do(locked: Inspector) -> None:
    with httpx.Client(base_url=locked.url, trust_env=False) as stranger:
        assert stranger.post("/r/open", content=b"x").status_code == 200
        assert stranger.get("/healthz").status_code == 200
        for method, path in [
            ("GET", "/"),
            ("GET", "/api/v1/bins"),
            ("PUT", "/api/v1/bins/x"),
            ("GET", "/api/v1/bins/open/requests/latest/raw"),
            ("GET", "/api/v1/events"),
            ("GET", "/api/v1/no-such"),
        ]:
            response = stranger.request(method, path)
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer"), path
            assert "token" in response.json()["error"]
    assert locked.get("/bins/open")["count"] == 1


def test_the_link_with_the_token_redirects_to_an_address_without_it(locked: Inspector) -> None:
    with httpx.Client(base_url=locked.url, trust_env=False) as browser:
        redirect = browser.get("/?token=s3cret")
        assert (redirect.status_code, redirect.headers["Location"]) == (303, "./")
        cookie = redirect.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path" not in cookie, "only the browser knows a proxy's prefix"
        assert browser.get("/").status_code == 200
        assert browser.get("/api/v1/bins").status_code == 200


def test_another_site_may_change_nothing_even_with_the_token(locked: Inspector) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert locked.api.put("/api/v1/bins/x", headers=headers).status_code == 403
    assert locked.api.put("/api/v1/bins/x", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 201
    page = locked.api.get("/?token=s3cret", headers=headers)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


CHROMIUM = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/r/{}", "../#{}"),
        ("/r/{}/", "../../#{}"),
        ("/r/{}/some/path?x=1", "../../../#{}"),
        ("/{}", "./#{}"),
        ("/{}/some", "../#{}"),
    ],
)
async def test_a_browser_that_opens_a_bin_s_url_gets_its_page_and_adds_nothing(
    locked: Inspector, name: str, path: str, location: str
) -> None:
    await locked.send(f"/r/{name}", b"before")
    for headers in ([CHROMIUM], [CHROMIUM, "Sec-Fetch-Mode: navigate"], ["Sec-Purpose: prefetch"]):
        answer = await locked.send(path.format(name), b"", *headers, method="GET")
        assert (answer.status, answer.headers.get("Location")) == (303, location.format(name))
        assert "s3cret" not in str(answer.headers)
    assert locked.get(f"/bins/{name}")["received"] == 1

    page = str(httpx.URL(locked.url).join(path.format(name)).join(location.format(name)))
    assert page == f"{locked.url}/#{name}"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", ["Accept: */*"]),  # curl, httpx
        ("GET", []),
        ("GET", ["Accept: application/json"]),
        ("GET", ["Accept: text/html", "Sec-Fetch-Mode: cors"]),  # a page's script
        ("HEAD", [CHROMIUM]),
        ("POST", [CHROMIUM, "Sec-Fetch-Mode: navigate", "Content-Type: application/x-www-form-urlencoded"]),
        ("FOO", [CHROMIUM]),
    ],
)
async def test_requests_of_programs_scripts_and_forms_are_captured(
    locked: Inspector, name: str, method: str, headers: list[str]
) -> None:
    assert (await locked.send(f"/r/{name}/path", b"", *headers, method=method)).status == 200
    assert locked.get(f"/bins/{name}/requests/latest")["method"] == method


async def test_a_link_on_another_site_leads_to_the_bin_through_a_page_of_this_one(
    locked: Inspector, name: str
) -> None:
    headers = (CHROMIUM, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
    answer = await locked.send(f"/r/{name}", b"", *headers, method="GET")
    assert (answer.status, answer.headers.get("Content-Type")) == (200, "text/html; charset=utf-8")
    assert f'content="0; url=../#{name}"' in answer.body.decode()
    assert "script-src 'none'" in answer.headers.get("Content-Security-Policy")
    assert locked.api.get(f"/api/v1/bins/{name}").status_code == 404, "nothing was captured"


async def test_a_browser_without_the_token_is_told_where_the_link_is(locked: Inspector) -> None:
    answer = await locked.send("/", b"", CHROMIUM, method="GET")
    assert (answer.status, answer.headers.get("Content-Type")) == (401, "text/html; charset=utf-8")
    assert "labkit status" in answer.body.decode()
    assert "s3cret" not in answer.body.decode()
    assert answer.headers.get("WWW-Authenticate") == "Bearer", "for which no browser shows a dialog"
    wrong = await locked.send("/?token=wrong", b"", CHROMIUM, method="GET")
    assert (wrong.status, "Set-Cookie" in wrong.headers) == (401, False)


def test_after_the_link_with_the_token_the_links_of_bins_open(locked: Inspector, name: str) -> None:
    with httpx.Client(headers={"Accept": "text/html"}, trust_env=False, follow_redirects=True) as browser:
        assert browser.get(f"{locked.url}/r/{name}").status_code == 401
        assert browser.get(f"{locked.url}/?token=s3cret").status_code == 200
        page = browser.get(f"{locked.url}/r/{name}")
        assert (page.status_code, str(page.url)) == (200, f"{locked.url}/#{name}")


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/r/favicon.ico", "/r/%3Cb%3E"])
async def test_a_browser_s_own_requests_make_no_bin(locked: Inspector, path: str) -> None:
    before = len(locked.get("/bins")["bins"])
    assert (await locked.send(path, b"", CHROMIUM, method="GET")).status in (409, 422)
    assert (await locked.send(path, b"", "Accept: image/avif,*/*", method="GET")).status in (409, 422)
    assert len(locked.get("/bins")["bins"]) == before


async def test_captured_data_is_never_markup_for_a_browser(shared: Inspector, name: str) -> None:
    headers = (f"X-Markup: {SCRIPT}", "Content-Type: text/html")
    await shared.send(f"/r/{name}?{SCRIPT.replace(' ', '+')}", SCRIPT.encode(), *headers)
    base = f"/api/v1/bins/{name}/requests"
    for path in (base, f"{base}/latest", f"{base}/latest/raw", f"/api/v1/bins/{name}"):
        response = shared.api.get(path)
        assert "html" not in response.headers["Content-Type"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert shared.api.get(f"{base}/latest/raw").headers["Content-Type"] == "text/plain; charset=utf-8"
    invalid = await shared.send("/r/%3Cscript%3Ealert(1)%3C/script%3E")
    assert invalid.headers.get("Content-Type") == "application/json"


# -- start and shutdown


def test_another_port_is_used_if_the_preferred_one_is_taken() -> None:
    with inspector() as first:
        port = first.url.rpartition(":")[2]
        begun = time.monotonic()
        with inspector(port=port) as second:
            assert time.monotonic() - begun < 5
            assert second.url != first.url
        failed = subprocess.run(
            COMMAND,
            env={**os.environ, "port": port, "port_fallback": "false"},
            capture_output=True,
            timeout=DEADLINE,
        )
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert f"can't listen on port {port}" in failed.stderr.decode()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_body", "x"), ("max_bins", "0"), ("inspector_token", "a;b"), ("port", "eighty")],
)
def test_an_invalid_setting_is_one_error_line_and_exit_code_1(setting: str, value: str) -> None:
    failed = subprocess.run(
        COMMAND, env={**os.environ, "port": "0", setting: value}, capture_output=True, timeout=DEADLINE
    )
    lines = [line for line in failed.stderr.decode().splitlines() if " error " in line]
    assert (failed.returncode, failed.stdout, len(lines)) == (1, b"", 1)
    assert setting in lines[0]


def test_help_describes_the_inspector_and_its_settings() -> None:
    result = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode == 0
    for word in ("request inspector", "inspector_token", "nats_url", "port", "memory only"):
        assert word in result.stdout


async def test_open_pages_and_waits_do_not_delay_the_shutdown() -> None:
    with inspector() as running:
        running.api.put("/api/v1/bins/a")
        waiting = await running.connect()
        waiting.send(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        await waiting.response()
        waiting.send(b"GET /api/v1/bins/a/requests?wait=50s HTTP/1.1\r\nHost: t\r\n\r\n")
        with running.api.stream("GET", "/api/v1/events") as response:
            received = events(response)
            assert next(received) == ("hello", {})
            running.stopped = True
            running.process.terminate()
            assert list(received) == []
        answer = await waiting.response()
        assert json.loads(answer.body)["timed_out"] is True
        await waiting.close()
        assert running.process.wait(4) == 0


def test_the_end_of_the_lifeline_ends_the_inspector() -> None:
    process = subprocess.Popen(
        COMMAND,
        env={**os.environ, "port": "0", "lifeline": "stdin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["ready"] == "inspector"
        process.stdin.close()
        assert process.wait(DEADLINE) == 0


# -- the lab's event log


async def test_a_capture_is_published_to_the_event_log() -> None:
    with nats_server() as nats_url, inspector(nats_url=nats_url) as running:
        client = await nats.connect(nats_url)
        subscription = await client.subscribe("lab.events.inspector")
        await client.flush()
        answer = await running.send(
            "/r/published", b"12345", "X-Call-Id: ab12", "X-Function-Name: figlet.openfaas-fn"
        )
        (event,) = decode_batch((await subscription.next_msg(DEADLINE)).data)
        await client.close()
    assert (event.type, event.call_id, event.function) == ("request.captured", "ab12", "figlet")
    request_id = answer.headers.get("X-Request-Id")
    assert event.data == {"bin": "published", "request": request_id, "bytes": 5, "seq": 1}
    assert event.instance == f"inspector-{running.process.pid}"


async def test_captures_without_nats_server_are_published_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        # Connections are accepted and never served.
        port = mute.getsockname()[1]
        begun = time.monotonic()
        with inspector(nats_url=f"nats://127.0.0.1:{port}") as running:
            assert time.monotonic() - begun < 3, "readiness does not depend on nats-server"
            begun = time.monotonic()
            for _ in range(20):
                assert (await running.send("/r/alone", b"x", "X-Call-Id: early")).status == 200
            assert time.monotonic() - begun < 2
            mute.close()
            with nats_server(port=port) as nats_url:
                client = await nats.connect(nats_url)
                subscription = await client.subscribe("lab.events.inspector")
                published: list[Any] = []
                while len(published) < 20:
                    published += decode_batch((await subscription.next_msg(DEADLINE)).data)
                await client.close()
    assert [event.call_id for event in published] == ["early"] * 20


def test_start_imports_nothing_heavy(tmp_path: Path) -> None:
    """No NATS client, no HTTP framework, no argument parser."""
    script = tmp_path / "imports.py"
    script.write_text(
        """
import contextlib, runpy, sys
sys.argv = ["inspector", "--help"]
with contextlib.suppress(SystemExit):
    runpy.run_module("labkit_services.inspector", run_name="__main__")
heavy = {"nats", "labkit_services.jetstream.connection"} & set(sys.modules)
heavy |= {"argparse", "httpx", "http.server", "email.message"} & set(sys.modules)
assert not heavy, heavy
"""
    )
    subprocess.run([COMMAND[0], str(script)], check=True, capture_output=True, timeout=DEADLINE)


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"name":' * 8_000, rb'{"name": "\ud800"}', b'{"capacity": ' + b"9" * 5_000 + b"}"],
)
@pytest.mark.parametrize("route", ["POST /api/v1/bins", "PUT /api/v1/bins/hostile"])
async def test_hostile_json_is_a_client_s_error(shared: Inspector, body: bytes, route: str) -> None:
    method, path = route.split()
    answer = await shared.send(path, body, method=method)
    assert answer.status in (400, 422)


async def test_another_site_s_page_creates_no_bin_but_sends_to_one(shared: Inspector) -> None:
    marks = ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors", "Origin: http://127.0.0.1:9999")
    assert (await shared.send("/r/by-a-page", b"x", *marks)).status == 403
    assert (await shared.send("/by-a-page", b"x", *marks, method="GET")).status == 403
    assert (await shared.send("/r/by-a-page", b"x")).status == 200
    assert (await shared.send("/r/by-a-page", b"x", *marks)).status == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/bins", "/api/v1/events"])
async def test_the_page_and_the_api_are_refused_under_a_foreign_host_name(
    shared: Inspector, path: str
) -> None:
    answer = await shared.raw(f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(), "GET")
    assert answer.status == 403
    assert "allowed_hosts" in json.loads(answer.body)["next"]


async def test_captures_come_under_any_host_name(shared: Inspector) -> None:
    answer = await shared.raw(b"POST /r/any-host HTTP/1.1\r\nHost: bin.example\r\nContent-Length: 0\r\n\r\n")
    assert answer.status == 200


@pytest.mark.parametrize("lines", ["", "Host: a\r\nHost: b\r\n"])
@pytest.mark.parametrize("path", ["/", "/r/no-host", "/api/v1/bins"])
async def test_a_missing_or_doubled_host_is_refused(shared: Inspector, lines: str, path: str) -> None:
    answer = await shared.raw(f"POST {path} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n".encode())
    assert answer.status == 400
