"""Calls of functions through the gateway: forwarding, headers, failures."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from eventually import eventually
from gateways import client, deploy

from labkit import Lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with client(lab) as http:
        yield http


def _script(folder: Path, text: str) -> str:
    file = folder / "function.sh"
    file.write_text(text)
    return f"sh {file}"


@pytest.mark.row("1.4 X-Call-Id", "1.4 response headers")
def test_a_response_has_the_function_s_output_and_openfaas_s_headers(http: httpx.Client) -> None:
    deploy(http, "echo", "cat")

    answer = http.post("/function/echo", content=b"\x00binary\xff")

    assert answer.status_code == 200
    assert answer.content == b"\x00binary\xff"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Call-Id"])
    assert int(answer.headers["X-Start-Time"]) == pytest.approx(time.time_ns(), abs=10e9)
    assert answer.headers["X-Served-By"].startswith("openfaas-ce/")
    assert re.fullmatch(r"\d+\.\d{6}", answer.headers["X-Duration-Seconds"])


@pytest.mark.row("1.3 default namespace")
def test_a_name_may_carry_the_default_namespace(http: httpx.Client) -> None:
    deploy(http, "echo", "cat")

    assert http.post("/function/echo.openfaas-fn", content="a").text == "a"


@pytest.mark.row("1.4 method, query and body")
def test_path_query_method_and_headers_reach_the_function(http: httpx.Client) -> None:
    deploy(http, "env", "env")

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = http.request(verb, "/function/env/a%20b/c/?x=1&y=%2F", headers={"X-Mine": "yes"})

        lines = answer.text.splitlines()
        assert f"Http_Method={verb}" in lines
        assert "Http_Path=/a b/c/" in lines  # decoded, as Go's URL.Path is
        assert "Http_Query=x=1&y=%2F" in lines
        assert "Http_X_Mine=yes" in lines
        assert f"Http_X_Call_Id={answer.headers['X-Call-Id']}" in lines


@pytest.mark.row("1.4 X-Call-Id")
def test_a_client_s_call_id_is_kept(http: httpx.Client) -> None:
    deploy(http, "env", "env")

    answer = http.get("/function/env", headers={"X-Call-Id": "mine"})

    assert "Http_X_Call_Id=mine" in answer.text.splitlines()


def test_the_lab_s_passwords_do_not_reach_a_function(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "env", "env")
    state = lab.aio.state

    text = http.get("/function/env", auth=None).text

    for secret in (state.password, state.nats_token, state.inspector_token, state.control_token):
        assert secret not in text


@pytest.mark.row("1.2 invoke without auth", "1.4 Authorization")
def test_authorization_is_passed_through(http: httpx.Client) -> None:
    deploy(http, "env", "env")

    answer = http.get("/function/env", auth=None, headers={"Authorization": "Bearer t"})

    assert "Http_Authorization=Bearer t" in answer.text.splitlines()


def test_a_function_that_fails_is_a_500_with_its_exit_status_and_output(
    http: httpx.Client, tmp_path: Path
) -> None:
    deploy(http, "fails", _script(tmp_path, "echo oops\nexit 3\n"))

    answer = http.post("/function/fails")

    assert answer.status_code == 500
    assert answer.text == "exit status 3\noops\n"


def test_a_function_that_hangs_is_killed_after_exec_timeout(http: httpx.Client) -> None:
    deploy(http, "hangs", "sleep 60", envVars={"exec_timeout": "200ms"})

    answer = http.post("/function/hangs")

    assert answer.status_code == 408
    assert answer.text == "Killed process.\n"


@pytest.mark.row("1.4 unknown function", "1.4 X-OpenFaaS-Internal")
def test_an_unknown_function_is_a_404_marked_as_the_platform_s(http: httpx.Client) -> None:
    answer = http.post("/function/nobody")

    assert answer.status_code == 404
    assert answer.text.startswith("error finding function nobody")
    assert answer.headers["X-OpenFaaS-Internal"] == "proxy"
    assert "X-Content-Type-Options" not in answer.headers, "OpenFaaS's scaler does not use http.Error"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/async-function/x", "", 400),  # its callback's URL is invalid
        ("POST", "/system/functions", "{", 400),
        ("POST", "/system/functions", "{}", 400),
        ("PUT", "/system/functions", '{"service": "nobody", "image": "functions/alpine"}', 404),
        ("DELETE", "/system/functions", '{"functionName": "nobody"}', 404),
        ("POST", "/system/scale-function/nobody", '{"replicas": 1}', 404),
        ("POST", "/system/scale-function/nobody", "{", 400),
        ("PUT", "/system/secrets", '{"name": "nobody", "value": "v"}', 404),
        ("GET", "/system/logs?name=nobody&tail=x", "", 422),
        ("GET", "/system/namespace/nobody", "", 404),
        ("GET", "/async-function/nobody", "", 404),
        ("GET", "/system/queues/nobody", "", 404),
    ],
)
@pytest.mark.row("1.2 error texts")
def test_error_texts_have_the_headers_of_go_s_http_error(
    http: httpx.Client, method: str, path: str, body: str, status: int
) -> None:
    answer = http.request(method, path, content=body, headers={"X-Callback-Url": "http://a b/"})

    assert (answer.status_code, answer.text[-1:]) == (status, "\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/function/", "/function/a@b", "/function/%20", "/nowhere"])
@pytest.mark.row("1.2 names in routes")
def test_an_invalid_function_name_is_page_not_found(http: httpx.Client, path: str) -> None:
    answer = http.post(path)

    assert answer.status_code == 404
    assert answer.text == "404 page not found\n"


def test_an_empty_name_with_a_namespace_is_not_found(http: httpx.Client) -> None:
    assert http.post("/function/.openfaas-fn").status_code == 404


@pytest.mark.row("1.2 /async-function methods", "2.1 other methods")
@pytest.mark.parametrize(
    "name", ["post-only", "post-only.openfaas-fn", "post%2Donly", "post-only/", "post-only/x"]
)
def test_get_on_the_async_route_of_a_deployed_function_is_a_405(http: httpx.Client, name: str) -> None:
    deploy(http, "post-only", "cat")

    for verb in ("GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "FOO", "get"):
        answer = http.request(verb, f"/async-function/{name}")
        assert (answer.status_code, answer.content) == (405, b""), verb


def test_a_call_s_id_keeps_its_status_route_even_if_it_is_a_function_s_name(http: httpx.Client) -> None:
    deploy(http, "its-own-id", "cat")
    assert http.get("/async-function/its-own-id").status_code == 405

    assert http.post("/async-function/its-own-id", headers={"X-Call-Id": "its-own-id"}).status_code == 202

    eventually(lambda: http.get("/async-function/its-own-id").status_code == 200)
    assert http.get("/async-function/its-own-id").json()["callId"] == "its-own-id"
    assert http.get("/async-function/never-deployed").status_code == 404
    assert http.get(f"/async-function/{uuid.uuid4()}").status_code == 404


def test_faas_cli_invoke_async_with_get_prints_the_405(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "long-task", "cat")

    program = Path(sys.executable).with_name("faas-cli")
    command = [program, "invoke", "long-task", "--async", "--method", "GET", "-g", lab.gateway_url]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30)

    assert done.returncode == 1
    assert b"Server returned unexpected status code: 405 - " in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/function/env-of-path", "/", ""),
        ("/function/env%2Dof-p%61th", "/", ""),
        ("/function/env-of-path/a%20b", "/a b", ""),
        ("/function/env-of-path/a%2Fb", "/a/b", ""),
        ("/function/env-of-path/a%2520b", "/a b", ""),
        ("/function/env-of-path/a%3Fb", "/a", "b"),
        ("/function/env-of-path/100%25", "/100%", ""),
        ("/function/env-of-path/a+b", "/a+b", ""),
        ("/function/env-of-path/%C3%A9?x=%C3%A9", "/é", "x=%C3%A9"),
    ],
)
@pytest.mark.row("1.4 path")
def test_a_function_sees_the_decoded_path_called_directly_or_from_the_queue(
    http: httpx.Client, target: str, path: str, query: str
) -> None:
    deploy(http, "env-of-path", "env")

    direct = http.post(target)
    queued = http.post(f"/async-function{target.removeprefix('/function')}")
    call = f"/async-function/{queued.headers['X-Call-Id']}"
    result = http.get(f"{call}/result", params={"wait": 20})

    for answer in (direct, result):
        assert answer.status_code == 200, answer.text
        lines = answer.text.splitlines()
        assert f"Http_Path={path}" in lines
        # OpenFaaS's queue keeps no query that was encoded in the path.
        expected = "" if answer is result and "%3F" in target else query
        assert [line for line in lines if line.startswith("Http_Query=")] == (
            [f"Http_Query={expected}"] if expected else []
        )


@pytest.mark.row("2.1 accepted")
@pytest.mark.alone
def test_an_asynchronous_call_is_accepted_immediately_with_an_empty_body(http: httpx.Client) -> None:
    deploy(http, "nap", "sleep 0.5")

    begin = time.monotonic()
    answer = http.post("/async-function/nap")

    assert time.monotonic() - begin < 0.4
    assert answer.status_code == 202
    assert answer.content == b""
    assert answer.headers["Content-Length"] == "0"
    assert "X-Call-Id" in answer.headers
    assert "X-Start-Time" in answer.headers


@pytest.mark.row("2.1 unknown function")
def test_an_asynchronous_call_of_an_unknown_function_is_accepted(http: httpx.Client) -> None:
    assert http.post("/async-function/nobody").status_code == 202


@pytest.mark.row("2.1 body over the limit")
def test_a_body_over_the_limit_is_a_413_that_states_the_limit(http: httpx.Client) -> None:
    answer = http.post("/async-function/echo", content=b"x" * (1024 * 1024 + 1))

    assert answer.status_code == 413
    assert "1048576 bytes" in answer.text


def test_a_body_at_the_limit_with_long_headers_is_queued_and_delivered(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "echo", "cat")
    before = lab.logs("queue-worker")

    answer = http.post("/async-function/echo", content=b"x" * (1024 * 1024), headers={"X-Long": "y" * 50_000})

    assert answer.status_code == 202
    eventually(lambda: "echo returned 1048576 bytes" in lab.logs("queue-worker").removeprefix(before))


def test_headers_too_long_for_the_queue_are_a_431(http: httpx.Client) -> None:
    answer = http.post("/async-function/echo", headers={"X-Long": "é".encode() * 15_000})

    assert answer.status_code == 431
    assert "55000 bytes" in answer.text


@pytest.mark.row("2.1 bad callback")
def test_an_invalid_callback_url_is_a_400(http: httpx.Client) -> None:
    answer = http.post("/async-function/echo", headers={"X-Callback-Url": "ht tp://x"})

    assert answer.status_code == 400
    assert answer.text == 'parse "ht tp://x": first path segment in URL cannot contain colon\n'


def test_a_large_body_is_forwarded_and_returned(http: httpx.Client) -> None:
    deploy(http, "echo", "cat")
    body = bytes(range(256)) * 32 * 1024  # 8 MiB

    assert http.post("/function/echo", content=body).content == body


def test_the_function_s_process_ends_when_the_client_disconnects(http: httpx.Client, lab: Lab) -> None:
    deploy(http, "leave", "sleep 61.25")
    host, port = lab.gateway_url.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /function/leave HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        eventually(lambda: _running("61.25") == 1)

    eventually(lambda: _running("61.25") == 0, within=3)


def _running(argument: str) -> int:
    found = 0
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.info["cmdline"] == ["sleep", argument]:
            found += 1
    return found


def test_a_thousand_concurrent_calls_all_succeed(lab: Lab, http: httpx.Client) -> None:
    deploy(http, "sleeper", "sleep 1")
    host, port = lab.gateway_url.removeprefix("http://").split(":")
    request = b"POST /function/sleeper HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

    async def call() -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 90)
        finally:
            writer.close()

    async def call_all() -> list[bytes]:
        return await asyncio.gather(*(call() for _ in range(1000)))

    answers = asyncio.run(call_all())

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert http.get("/healthz").status_code == 200
