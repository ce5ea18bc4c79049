"""Invalid, extreme and interrupted requests, each followed by a call."""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import httpx
import psutil
import pytest
from eventually import eventually
from gateways import client, deploy
from labs import start_lab

from labkit import Lab

MIB = 1024 * 1024
NAMES = ["..", "../etc/passwd", "a/b", "Upper", "a" * 64, "a" * 5000, "-a", "a.", "", " ", "ä", "a\n", "a\0b"]


@pytest.fixture(autouse=True)
def gateway_survives(http: httpx.Client, lab: Lab) -> Iterator[None]:
    """After each test the same process answers a call, in no more memory."""
    gateway = _gateway(lab)
    before = gateway.memory_info().rss
    yield
    if http.get("/system/function/next-call").status_code == 404:
        deploy(http, "next-call", "cat")
    assert http.post("/function/next-call", content="still here").text == "still here"
    assert _gateway(lab) == gateway
    assert gateway.memory_info().rss - before < 24 * MIB


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def _gateway(lab: Lab) -> psutil.Process:
    return psutil.Process(lab.status().service("gateway").pid)


def _running(lab: Lab, name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(lab.aio.state.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if process.name() == name:
                found.append(process)
    return found


@contextmanager
def _raw(lab: Lab, data: bytes) -> Iterator[socket.socket]:
    """Send exactly these bytes; an HTTP library would normalise them."""
    host, port = lab.gateway_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        yield connection


def _status(connection: socket.socket) -> int:
    line = connection.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


def _request(path: str, headers: bytes = b"Content-Length: 0\r\n", method: str = "POST") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n".encode() + headers + b"\r\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.row("1.3 deploy validation")
def test_deploying_an_invalid_name_is_a_400(http: httpx.Client, name: str) -> None:
    answer = http.post("/system/functions", json={"service": name, "image": "functions/alpine"})

    assert answer.status_code == 400
    assert answer.text.startswith("validation failed: service")
    assert len(answer.text) < 300


@pytest.mark.parametrize("name", NAMES)
def test_creating_a_namespace_or_secret_with_an_invalid_name_is_a_400(http: httpx.Client, name: str) -> None:
    body = {"service": "x", "image": "functions/alpine", "namespace": name}

    assert http.post("/system/namespace/", json={"name": name}).status_code == 400
    if name:  # an empty one is the default namespace
        assert http.post("/system/functions", json=body).status_code == 400
    if name != "a" * 64:  # which is valid for a secret
        assert http.post("/system/secrets", json={"name": name, "value": "v"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/..", "/../../etc/passwd", "/%2e%2e", "/%2fetc", "/UPPER", "/" + "a" * 300, "/a%00b", "//"]
)
@pytest.mark.parametrize("route", ["/function", "/system/function", "/system/namespace", "/ui/.."])
@pytest.mark.row("1.2 names in routes")
def test_a_path_with_an_invalid_name_is_a_404_or_a_redirect_to_its_clean_form(
    lab: Lab, http: httpx.Client, route: str, path: str
) -> None:
    credentials = http.auth._auth_header.encode()  # type: ignore[union-attr]
    with _raw(lab, _request(route + path, b"Authorization: " + credentials + b"\r\n", "GET")) as connection:
        is_clean = not {"", ".", ".."} & set(unquote(route + path)[1:].split("/"))
        assert _status(connection) == (404 if is_clean else 301)


@pytest.mark.parametrize("field", ["labels", "annotations", "envVars", "secrets", "limits", "constraints"])
@pytest.mark.row("1.5 FunctionDeployment")
def test_null_is_accepted_for_an_object_and_any_other_type_is_a_400_that_names_the_field(
    http: httpx.Client, field: str
) -> None:
    deploy(http, "nulls", "cat", **{field: None})

    for wrong in (0, False, "", "x", [1], {"a": 1}):
        body = {"service": "nulls", "image": "functions/alpine", field: wrong}
        answer = http.put("/system/functions", json=body)

        assert answer.status_code == 400, wrong
        assert field in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/system/scale-function/next-call"),
        ("POST", "/system/alert"),
        ("POST", "/system/secrets"),
        ("PUT", "/system/secrets"),
        ("DELETE", "/system/secrets"),
        ("POST", "/system/namespace/"),
        ("PUT", "/system/namespace/openfaas-fn"),
    ],
)
@pytest.mark.parametrize("body", ["null", '{"alerts": null, "replicas": null, "name": null}', "[{}]", "{"])
def test_null_and_malformed_json_are_a_400(http: httpx.Client, method: str, path: str, body: str) -> None:
    answer = http.request(method, path, content=body)

    if not (path.endswith("openfaas-fn") and body.startswith('{"')):  # where every field is optional
        assert answer.status_code == 400
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("field", ["limit", "after"])
@pytest.mark.parametrize("value", ["-1", "+1", "1_0", "one", "1000000000000000000"])
def test_a_list_of_dead_letters_takes_only_the_numbers_of_the_document(
    http: httpx.Client, field: str, value: str
) -> None:
    answer = http.get("/system/queues/faas-request/dead-letters", params={field: value})

    assert (answer.status_code, answer.text) == (400, f"{field}: must be a whole number\n")


def test_ten_thousand_headers_are_a_431(lab: Lab) -> None:
    headers = b"".join(b"X-Header-%d: value\r\n" % number for number in range(10_000))

    for route in ("/function/next-call", "/async-function/next-call", "/system/functions"):
        with _raw(lab, _request(route)[:-2]) as connection:
            with contextlib.suppress(ConnectionError):  # the gateway may refuse before it has read all
                connection.sendall(headers + b"\r\n")
            assert _status(connection) == 431


@pytest.mark.parametrize("header", [b"X-A: b\nX-B: c\r\n", b"X-A: b\r\n folded\r\n", b"X-A: b\rX-B: c\r\n"])
def test_a_newline_in_a_header_is_a_400(lab: Lab, header: bytes) -> None:
    for route in ("/function/next-call", "/async-function/next-call"):
        with _raw(lab, _request(route, header + b"Content-Length: 0\r\n")) as connection:
            assert _status(connection) == 400


@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("route", ["/function/half", "/async-function/half", "/system/functions"])
def test_a_truncated_body_leaves_no_process(lab: Lab, http: httpx.Client, route: str, framing: bytes) -> None:
    deploy(http, "half", "cat")
    with _raw(lab, _request(route, framing) + b"5\r\nhello") as connection:
        connection.shutdown(socket.SHUT_WR)
        assert _status(connection) in (0, 400, 401, 502)
    eventually(lambda: not _running(lab, "cat"))


def test_a_chunked_body_is_forwarded_completely(http: httpx.Client) -> None:
    deploy(http, "count", "wc -c")

    def parts() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    assert http.post("/function/count", content=parts()).text.strip() == str(64 * 65536)


@pytest.mark.parametrize("mode", ["", "streaming"])
def test_a_large_response_to_a_slow_reader_needs_constant_memory(
    lab: Lab, http: httpx.Client, mode: str
) -> None:
    deploy(http, f"large{mode}", f"head -c {64 * MIB} /dev/zero", envVars={"mode": mode})
    gateway = _gateway(lab)
    before = most = gateway.memory_info().rss
    size = 0

    with http.stream("POST", f"/function/large{mode}") as answer:
        for part in answer.iter_raw(MIB):
            size += len(part)
            most = max(most, gateway.memory_info().rss)
            time.sleep(0.002)

    assert size == 64 * MIB
    assert most - before < 16 * MIB


def test_calls_during_a_delete_finish_or_are_a_404(
    http: httpx.Client,
) -> None:
    deploy(http, "gone-soon", "sleep 0.3")
    statuses: list[int] = []

    def call() -> None:
        with httpx.Client(base_url=http.base_url, timeout=30, trust_env=False) as own:
            statuses.extend(own.post("/function/gone-soon").status_code for _ in range(3))

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    eventually(lambda: http.get("/metrics").text.count('started{function_name="gone-soon') == 1)
    assert http.request("DELETE", "/system/functions", json={"functionName": "gone-soon"}).status_code == 202
    for caller in callers:
        caller.join()

    assert len(statuses) == 24
    assert set(statuses) <= {200, 404}


def test_calls_succeed_when_logs_cannot_be_written(workspace: Path) -> None:
    """/dev/full refuses every write as a full disk does."""
    commands = {
        name: ["sh", "-c", f"exec {shlex.quote(sys.executable)} -P -m labkit_services.{module} 2>/dev/full"]
        for name, module in (("gateway", "gateway"), ("queue-worker", "queue_worker"))
    }
    with start_lab(workspace, commands=commands) as full, client(full) as calls:
        deploy(calls, "echo", "cat")
        for number in range(50):
            assert calls.post("/function/echo", content=str(number)).text == str(number)
        call = full.invoke_async("echo", "later")
        assert call.wait(timeout=10)


@pytest.mark.row("2.1 broker failure")
def test_without_nats_server_synchronous_calls_succeed_and_changes_are_a_500(workspace: Path) -> None:
    with start_lab(workspace) as own, client(own) as calls:
        deploy(calls, "echo", "cat")
        with _suspended_nats(psutil.Process(own.aio.state.pid)), ThreadPoolExecutor(2) as callers:
            queueing = callers.submit(calls.post, "/async-function/echo")
            storing = callers.submit(calls.post, "/system/secrets", json={"name": "lost", "value": "v"})
            called = calls.post("/function/echo", content="still here")
            queued, stored = queueing.result(), storing.result()

        assert queued.status_code == 500
        assert queued.text.startswith("Error queuing request: ")
        assert stored.status_code == 500
        assert stored.text.startswith("the change was not stored, nats-server does not answer")
        assert called.text == "still here"
        eventually(lambda: calls.post("/async-function/echo").status_code == 202)
        eventually(lambda: "lost" in _store_secret(calls))


@contextmanager
def _suspended_nats(supervisor: psutil.Process) -> Iterator[None]:
    """Suspend nats-server, and each that the lab starts in its place."""
    suspended: set[psutil.Process] = set()
    ended = threading.Event()

    def suspend_new_ones() -> None:
        while True:
            for child in set(supervisor.children()) - suspended:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "nats" in child.name():
                        child.suspend()
                        suspended.add(child)
            if ended.wait(0.01):
                return

    thread = threading.Thread(target=suspend_new_ones)
    thread.start()
    eventually(lambda: suspended)
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for nats in suspended:
            with contextlib.suppress(psutil.NoSuchProcess):
                nats.resume()


def _store_secret(calls: httpx.Client) -> str:
    calls.post("/system/secrets", json={"name": "lost", "value": "v"})
    return calls.get("/system/secrets").text


def test_a_secret_with_dots_in_its_name_is_in_one_namespace_only(http: httpx.Client) -> None:
    assert http.post("/system/secrets", json={"name": "a.b", "value": "v"}).status_code == 202

    other = {"name": "a", "namespace": "b.openfaas-fn"}
    assert http.get("/system/secrets?namespace=b.openfaas-fn").json() == []
    assert http.request("DELETE", "/system/secrets", json=other).status_code == 400
    assert http.request("DELETE", "/system/secrets", json={"name": "a.b"}).status_code == 202


@pytest.mark.parametrize(
    ("path", "body", "good"),
    [
        ("/system/secrets", {"name": "twice", "value": "v"}, 202),
        ("/system/namespace/", {"name": "twice"}, 201),
    ],
)
def test_of_concurrent_creations_exactly_one_succeeds(
    http: httpx.Client, path: str, body: dict[str, str], good: int
) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: http.post(path, json=body).status_code, range(8)))

    assert sorted(answers) == sorted([good] + [409] * 7)
    # Other tests use the same lab.
    assert (
        http.request("DELETE", path.replace("/namespace/", "/namespace/twice"), json=body).status_code == 202
    )


@pytest.mark.parametrize(
    "body", [b"[" * 60_000, b'{"a":' * 60_000 + b"1" + b"}" * 60_000, b'{"service": NaN}', b"9" * 10_000]
)
def test_hostile_json_is_a_400(http: httpx.Client, body: bytes) -> None:
    for method, path in (
        ("POST", "/system/functions"),
        ("DELETE", "/system/functions"),
        ("POST", "/system/secrets"),
        ("POST", "/system/scale-function/x"),
        ("POST", "/system/namespace/x"),
        ("PUT", "/system/queues/faas-request"),
        ("POST", "/system/queues/faas-request/dead-letters/redrive"),
    ):
        assert http.request(method, path, content=body).status_code == 400, (method, path)


def test_half_a_surrogate_pair_in_json_is_no_server_error(http: httpx.Client) -> None:
    for field in ("service", "image", "envProcess", "namespace"):
        body = rf'{{"service": "surrogate", "image": "x", "{field}": "\ud800"}}'
        status = http.post("/system/functions", content=body).status_code
        assert status < 500, field
    http.request("DELETE", "/system/functions", json={"functionName": "surrogate"})
