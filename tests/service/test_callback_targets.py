"""Callback targets that redirect, refuse, or speak HTTP in their own way."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from asynchronous import accept, letters, new_function, settled, status
from eventually import eventually
from gateways import client
from labs import start_lab
from raw_target import always, by_path, raw_target

from labkit import Lab

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that tries a callback twice, and waits two seconds for it."""
    settings = {"callback_attempts": "2", "initial_callback_wait": "100ms", "upstream_timeout": "2s"}
    with start_lab(tmp_path_factory.mktemp("targets"), environment=settings) as lab:
        yield lab


@pytest.fixture
def http(hasty: Lab) -> Iterator[httpx.Client]:
    with client(hasty) as http:
        yield http


def worker_log(lab: Lab) -> str:
    return (lab.workspace / ".labkit" / "logs" / "queue-worker.log").read_text()


def redirect(code: int, location: str) -> bytes:
    head = f"HTTP/1.1 {code} Moved\r\nLocation: {location}\r\n"
    return f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


def called_back(http: httpx.Client, url: str, body: str = "result") -> dict[str, Any]:
    """Make a call with this callback; return its status once it is over."""
    return settled(http, accept(http, new_function(http, "cat"), body, X_Callback_Url=url))


@pytest.mark.parametrize("code", [307, 308])
def test_a_callback_target_that_redirects_gets_the_result_at_the_new_place(
    http: httpx.Client, hasty: Lab, code: int
) -> None:
    with raw_target(by_path({"/x": redirect(code, "/x/")}, OK)) as target:
        call = called_back(http, f"{target.url}/x")

        assert target.lines() == ["POST /x HTTP/1.1", "POST /x/ HTTP/1.1"]
        assert [each.endswith(b"\r\n\r\nresult") for each in target.requests] == [True, True]
        assert target.header("X-Call-Id") == call["callId"]
    (callback,) = call["callbacks"]
    assert (callback["status"], callback["redirectedTo"]) == (200, f"{target.url}/x/")
    assert not callback["refused"]
    log = worker_log(hasty)
    assert f"Callback redirected [{code}] to: {target.url}/x/" in log


@pytest.mark.parametrize("code", [301, 302, 303])
def test_after_another_redirect_the_callback_is_a_get_as_in_go(http: httpx.Client, code: int) -> None:
    with raw_target(by_path({"/x": redirect(code, "y")}, OK)) as target:
        called_back(http, f"{target.url}/x")

        assert target.lines() == ["POST /x HTTP/1.1", "GET /y HTTP/1.1"]


def test_redirects_that_never_end_are_dead_lettered(http: httpx.Client) -> None:
    with raw_target(always(redirect(307, "/again"))) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 10
        assert call["callbackDeadReason"] == f'Post "{target.url}/again": stopped after 10 redirects'
        assert [each["kind"] for each in letters(http, call["callId"])] == ["callback"]


def test_a_redirect_to_a_target_that_is_down_is_retried_from_the_beginning(http: httpx.Client) -> None:
    down = b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"
    with raw_target(by_path({"/x": redirect(307, "/y")}, down)) as target:
        call = called_back(http, f"{target.url}/x")

        assert [line.split()[1] for line in target.lines()] == ["/x", "/y"] * 2
    assert "503" in call["callbackDeadReason"]


@pytest.mark.parametrize("location", ["ftp://x/y", "http://[x/", "http://127.0.0.1:99999/"])
def test_a_redirect_to_no_usable_url_is_dead_lettered(http: httpx.Client, location: str) -> None:
    with raw_target(always(redirect(307, location))) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 1
    assert call["callbackDeadReason"]


def test_no_authorization_goes_to_another_host(http: httpx.Client) -> None:
    with raw_target(always(OK)) as other:
        with raw_target(always(redirect(307, f"{other.url}/y"))) as target:
            url = target.url.replace("//", "//user:pw@")
            called_back(http, f"{url}/x")

            assert target.header("Authorization") == "Basic dXNlcjpwdw=="
        assert (other.lines(), other.header("Authorization")) == (["POST /y HTTP/1.1"], "")


def test_user_and_password_of_a_callback_url_are_sent_and_not_shown(http: httpx.Client, hasty: Lab) -> None:
    with raw_target(always(OK)) as target:
        url = target.url.replace("//", "//user:hidden@")
        call = called_back(http, f"{url}/x")

        assert target.header("Authorization") == "Basic dXNlcjpoaWRkZW4="
        assert target.header("Host") == f"127.0.0.1:{target.port}"
    assert call["callbacks"][0]["url"] == f"{url}/x".replace("hidden", "***")
    assert "hidden" not in worker_log(hasty)


@pytest.mark.parametrize("code", [300, 302, 304, 400, 401, 403, 404, 410, 418])
def test_a_target_that_refuses_the_result_is_shown_as_refusing_it(
    http: httpx.Client, hasty: Lab, code: int
) -> None:
    with raw_target(always(f"HTTP/1.1 {code} No\r\nContent-Length: 0\r\n\r\n".encode())) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 1
    assert (call["state"], call["settled"]) == ("done", True)
    (callback,) = call["callbacks"]
    assert (callback["status"], callback["refused"]) == (code, True)
    log = worker_log(hasty)
    assert f"refused by: {target.url}/x, status: {code}; no retry" in log
    assert hasty.call(call["callId"]).wait().callbacks[0].has_failed


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_a_target_that_answers_2xx_has_the_result(http: httpx.Client, code: int) -> None:
    answer = f"HTTP/1.1 {code} Yes\r\nContent-Length: 5\r\n\r\nhello".encode()
    with raw_target(always(answer)) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 1
    assert [(each["status"], each["refused"]) for each in call["callbacks"]] == [(code, False)]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nok",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1  200 OK\r\nX: a\r\n b\r\n\x01: \x02\r\n\r\n",
        b"HTTP/1.2 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000,
    ],
)
def test_a_receiver_with_few_manners_is_posted_once(http: httpx.Client, answer: bytes) -> None:
    with raw_target(always(answer)) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 1
    assert [each["status"] for each in call["callbacks"]] == [200]


@pytest.mark.parametrize(
    "answer",
    [b"", b"200 OK\n\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
)
def test_a_receiver_that_speaks_no_http_is_retried_and_dead_lettered(
    http: httpx.Client, answer: bytes
) -> None:
    with raw_target(always(answer)) as target:
        call = called_back(http, f"{target.url}/x")

        assert len(target.requests) == 2
    assert call["callbackDeadReason"]


def test_a_slow_target_is_waited_for_until_the_deadline(http: httpx.Client) -> None:
    def drip(connection: socket.socket, _: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw_target(drip) as target:
        call_id = accept(http, new_function(http, "cat"), X_Callback_Url=f"{target.url}/x")
        eventually(lambda: "no answer within 2 s" in status(http, call_id)["callbackDeadReason"], within=10)

        assert len(target.requests) == 2


def test_a_target_that_answers_before_it_has_read_the_body_has_answered(http: httpx.Client) -> None:
    function = new_function(http, "head -c 8000000 /dev/zero")

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(OK)
        while connection.recv(65536):  # closed with unread bytes it would be reset, and the answer lost
            pass

    with raw_target(answer, whole=False) as target:
        call = settled(http, accept(http, function, X_Callback_Url=f"{target.url}/x"))

        assert len(target.requests) == 1
    assert [each["status"] for each in call["callbacks"]] == [200]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://127.0.0.1:{port}", "/"),
        ("http://127.0.0.1:{port}?q=1", "/?q=1"),
        ("http://127.0.0.1:{port}/a#fragment", "/a"),
        ("HTTP://127.0.0.1:{port}/a", "/a"),
        ("http://LOCALHOST:{port}/a%2Fb?x=%20", "/a%2Fb?x=%20"),
        ("http://127.0.0.1:{port}//a/../b", "//a/../b"),
    ],
)
def test_any_form_of_an_http_url_is_posted_to(http: httpx.Client, url: str, path: str) -> None:
    with raw_target(always(OK)) as target:
        called_back(http, url.replace("{port}", str(target.port)))

        assert target.lines() == [f"POST {path} HTTP/1.1"]


def test_a_callback_url_may_have_an_ipv6_host(http: httpx.Client) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with raw_target(always(OK), host="::1") as target:
        called_back(http, f"{target.url}/a")

        assert target.header("Host") == f"[::1]:{target.port}"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://gateway.openfaas:8080/function/x", "http: server gave HTTP response to HTTPS client"),
        ("http:///x", "http: no Host in request URL"),
        ("gateway.openfaas", 'unsupported protocol scheme ""'),
    ],
)
def test_a_url_that_leads_nowhere_is_dead_lettered_with_go_s_reason(
    http: httpx.Client, url: str, reason: str
) -> None:
    assert called_back(http, url)["callbackDeadReason"] == f'Post "{url}": {reason}'


@pytest.mark.parametrize("host", ["gateway.openfaas", "gateway.openfaas.", "Gateway", "gateway.openfaas.svc"])
def test_every_name_of_the_gateway_leads_to_the_lab_s(http: httpx.Client, host: str) -> None:
    target = new_function(http, "cat")

    call = called_back(http, f"http://{host}:8080/function/{target}")

    assert [each["status"] for each in call["callbacks"]] == [200]
