"""Callers that close their connection, or only the sending half of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from asynchronous import new_function, script, status
from eventually import eventually
from gateways import client
from labs import start_lab

from labkit import Lab

T = TypeVar("T")


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def connect(http: httpx.Client, path: str, call_id: str = "") -> socket.socket:
    """Send a whole POST request, as ``nc`` would."""
    gateway = urlsplit(str(http.base_url))
    connection = socket.create_connection((gateway.hostname, gateway.port), timeout=10)
    header = f"X-Call-Id: {call_id}\r\n" if call_id else ""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: 1\r\n\r\n"
    connection.sendall(head.encode() + b"x")
    return connection


def answer(connection: socket.socket) -> bytes:
    """Close the sending half, as ``nc -N`` does; return all that comes."""
    with connection:
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def reachable(ask: Callable[[], T]) -> T | None:
    """Return what ``ask`` returns, None while the gateway is away."""
    try:
        return ask()
    except (httpx.TransportError, AssertionError):
        return None


def test_a_client_that_half_closes_gets_its_202_every_time(http: httpx.Client) -> None:
    function = new_function(http, "cat")
    answers = [answer(connect(http, f"/async-function/{function}")) for _ in range(20)]

    assert [each.split(b"\r\n")[0] for each in answers] == [b"HTTP/1.1 202 Accepted"] * 20


def test_a_client_that_half_closes_gets_the_function_s_response(http: httpx.Client, tmp_path: Path) -> None:
    function = new_function(http, script(tmp_path, "sleep 0.5; cat; echo -answer\n"))

    received = answer(connect(http, f"/function/{function}"))

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"x-answer\n")


@pytest.mark.parametrize("half_first", [False, True])
def test_a_synchronous_call_whose_caller_has_gone_ends_as_failed(
    http: httpx.Client, half_first: bool
) -> None:
    function, call_id = new_function(http, "sleep 60"), f"gone-{time.time_ns()}"
    connection = connect(http, f"/function/{function}", call_id)
    eventually(lambda: any(each["process"] for each in status(http, call_id)["attempts"]))
    pid = status(http, call_id)["attempts"][0]["process"]["pid"]
    if half_first:
        connection.shutdown(socket.SHUT_WR)

    connection.close()

    eventually(lambda: not psutil.pid_exists(pid), within=4)
    call = status(http, call_id, wait=5)
    assert (call["state"], call["settled"], call["status"]) == ("failed", True, None)
    (attempt,) = call["attempts"]
    assert attempt["error"] == "the caller disconnected"
    assert attempt["finished"]
    assert f'code="502",function_name="{function}.openfaas-fn"' in http.get("/metrics").text


def test_a_streamed_response_whose_caller_has_gone_ends_as_failed(http: httpx.Client, tmp_path: Path) -> None:
    function = new_function(http, "yes", envVars={"mode": "streaming"})
    call_id = f"cut-{time.time_ns()}"
    with connect(http, f"/function/{function}", call_id) as connection:
        assert connection.recv(100)

    eventually(lambda: status(http, call_id)["settled"], within=5)
    call = status(http, call_id)
    assert (call["state"], call["attempts"][0]["error"]) == ("failed", "the caller disconnected")


def test_a_synchronous_call_whose_gateway_was_killed_ends_as_failed(workspace: Path) -> None:
    with start_lab(workspace) as lab, client(lab) as http:
        function, call_id = new_function(http, "sleep 60"), f"killed-{time.time_ns()}"
        with connect(http, f"/function/{function}", call_id):
            eventually(lambda: any(each["process"] for each in status(http, call_id)["attempts"]))
            lab.fault("gateway", "kill")
        call = eventually(lambda: reachable(lambda: status(http, call_id, wait=5)))
        assert (call["state"], call["attempts"][0]["error"]) == ("failed", "the gateway ended")
