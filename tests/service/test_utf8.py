"""Headers and URLs are UTF-8 all the way, as browsers and curl send them."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from labs import deploy

from labkit import Lab


def _raw(url: str, request: str) -> tuple[str, str]:
    """Send a request as it is, in UTF-8; return the status line and the body."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80), 10) as connection:
        head = f"{request}\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        data = b""
        while part := connection.recv(65536):
            data += part
    status, _, rest = data.partition(b"\r\n")
    return status.decode(), rest.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def env(lab: Lab) -> str:
    deploy(lab, "env-utf8", "env")
    return "env-utf8"


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /function/{}?name=José HTTP/1.1", "Http_Query=name=Jos%C3%A9\n"),
        ("GET /function/{}/é/x?n=é HTTP/1.1", "Http_Path=/é/x\n"),
        ("GET /function/{}?name=日本 HTTP/1.1", "Http_Query=name=%E6%97%A5%E6%9C%AC\n"),
        ("GET /function/{} HTTP/1.1\r\nX-Name: José 日本", "Http_X_Name=José 日本\n"),
    ],
)
def test_a_synchronous_call_with_utf_8(lab: Lab, env: str, request_line: str, expected: str) -> None:
    status, body = _raw(lab.gateway_url, request_line.format(env))

    assert status == "HTTP/1.1 200 OK"
    assert expected in body


def test_an_asynchronous_call_and_its_callback_with_utf_8(lab: Lab, env: str) -> None:
    requests = lab.bin("utf8")
    head = f"POST /async-function/{env}?name=José HTTP/1.1\r\nX-Name: José\r\nContent-Length: 0"

    status, _ = _raw(lab.gateway_url, f"{head}\r\nX-Callback-Url: {requests.url}/é?n=é日")
    callback = requests.wait()

    assert status == "HTTP/1.1 202 Accepted"
    assert "Http_X_Name=José\n" in callback.text
    assert "Http_Query=name=Jos%C3%A9\n" in callback.text
    assert callback.path == "/r/utf8/%C3%A9"
    call = lab.call(callback.call_id).wait()
    # What is shown of the URL is what the caller wrote.
    assert [sent.url for sent in call.callbacks] == [f"{requests.url}/é?n=é日"]
    assert any(f"{requests.url}/é?n=é日" in line for line in lab.logs("queue-worker").splitlines())


def test_the_lab_s_own_callback_argument_with_utf_8(lab: Lab, env: str) -> None:
    requests = lab.bin("utf8-own")

    call = lab.invoke_async(env, callback=f"{requests.url}/é?n=é", headers={"X-Name": "José"})
    callback = requests.wait(call_id=call.id)

    assert callback.path == "/r/utf8-own/%C3%A9"
    assert "Http_X_Name=José\n" in callback.text


def test_the_inspector_shows_utf_8(lab: Lab) -> None:
    requests = lab.bin("utf8-shown")

    status, _ = _raw(requests.url, "GET /r/utf8-shown/é?n=José HTTP/1.1\r\nX-Name: José")
    [seen] = requests.requests()

    assert status.startswith("HTTP/1.1 200")
    assert seen.path == "/r/utf8-shown/%C3%A9"
    assert seen.header("X-Name") == "José"
