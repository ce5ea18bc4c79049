"""A learner's Python function, from ``faas-cli new`` to its responses."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from eventually import eventually
from gateways import client

from labkit import Lab

HANDLER = """\
import time

def handle(event, context):
    if event.path == "/fail":
        raise ValueError("first line\\nsecond line")
    if event.path == "/sleep":
        time.sleep(0.3)
    if event.path == "/cookies":
        pairs = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/plain")]
        return {"body": context.hostname, "headers": pairs}
    if event.path == "/missing":
        return event.query["none"]
    print("seen", event.method)
    headers = {"X-Seen": event.headers.get("x-mine", ""), "X-Host": context.hostname}
    body = {"body": event.body.decode(), "query": event.query, "path": event.path}
    return {"statusCode": 207, "body": body, "headers": headers}
"""


@pytest.fixture(scope="module")
def function(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A function with that handler, created with faas-cli."""
    name = f"py-{uuid.uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp("python")
    environment = {
        **{key: value for key, value in os.environ.items() if key != "OPENFAAS_URL"},
        "LABKIT_WORKSPACE": str(lab.workspace),
        "LABKIT_FAAS_CLI": "builtin",
    }
    faas = str(Path(sys.executable).with_name("faas-cli"))
    new = [faas, "new", "--lang", "python3-http", name]
    subprocess.run(new, cwd=folder, env=environment, check=True, timeout=60, capture_output=True)
    (folder / name / "handler.py").write_text(HANDLER)
    up = subprocess.run([faas, "up"], cwd=folder, env=environment, timeout=60, capture_output=True)
    assert up.returncode == 0, up.stdout + up.stderr
    with client(lab) as http:
        eventually(lambda: http.get(f"/system/function/{name}").json()["availableReplicas"] > 0)
    return name


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as client_:
        yield client_


def test_the_handler_gets_the_request_and_returns_the_response(http: httpx.Client, function: str) -> None:
    response = http.put(f"/function/{function}/a%20b?x=1&y=", content="hi", headers={"X-Mine": "m"})

    assert response.status_code == 207
    assert response.json() == {"body": "hi", "query": {"x": "1", "y": ""}, "path": "/a b"}
    assert (response.headers["X-Seen"], response.headers["Content-Type"]) == ("m", "application/json")
    chunked = http.post(f"/function/{function}", content=iter([b"a" * 70_000, b"b"]))
    assert chunked.json()["body"] == "a" * 70_000 + "b"
    assert http.head(f"/function/{function}").status_code == 207


def test_an_exception_is_a_500_with_one_line_and_a_traceback_in_the_log(
    http: httpx.Client, function: str
) -> None:
    response = http.post(f"/function/{function}/fail")

    assert (response.status_code, response.text) == (500, "ValueError: first line\n")

    def logged() -> bool:
        text = http.get("/system/logs", params={"name": function, "tail": 100}).text
        return "stderr: Traceback" in text and "line 5, in handle" in text and "second line" in text

    eventually(logged)


def test_headers_may_be_a_list_of_pairs(http: httpx.Client, function: str) -> None:
    response = http.get(f"/function/{function}/cookies")

    assert response.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Content-Type"] == "text/plain"
    assert response.text.startswith(f"{function}-")


def test_a_missing_query_parameter_is_a_bad_request(http: httpx.Client, function: str) -> None:
    response = http.get(f"/function/{function}/missing")

    assert (response.status_code, response.text) == (400, "Bad Request: the query has no 'none'\n")


def test_options_is_answered_without_the_handler(http: httpx.Client, function: str) -> None:
    response = http.options(f"/function/{function}/fail")

    assert response.status_code == 200
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_output_is_logged_at_once(http: httpx.Client, function: str) -> None:
    http.delete(f"/function/{function}")

    query = {"name": function, "tail": 100}
    eventually(lambda: "stdout: seen DELETE" in http.get("/system/logs", params=query).text)


@pytest.mark.alone
def test_calls_run_concurrently_in_one_process(http: httpx.Client, lab: Lab, function: str) -> None:
    def call(_: int) -> float:
        return http.post(f"/function/{function}/sleep").elapsed.total_seconds()

    with ThreadPoolExecutor(10) as threads:
        took = list(threads.map(call, range(10)))

    assert sum(took) > 3.0
    assert max(took) < 3.0  # in sequence, the last would have waited for nine others
