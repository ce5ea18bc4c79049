"""The HTTP client of faas-cli against valid and invalid responses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labkit.openfaas_cli.faas_cli.http import HttpRequestError, request


@contextmanager
def server(*response_blocks: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Respond once with these blocks, then close; yield URL and requests."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                received.append(data)
                for block in response_blocks:
                    connection.sendall(block)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "response_blocks",
    [
        [b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 202 Acc", b"epted\r\nContent-Len", b"gth: 5\r\n\r\nhe", b"llo"],
        [b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"],
        [b"HTTP/1.0 202 Accepted\r\n\r\nhel", b"lo"],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
    ],
)
def test_every_framing_of_a_response_is_parsed(response_blocks: list[bytes]) -> None:
    with server(*response_blocks) as (url, _):
        response = request("GET", url)

        assert (response.status, response.reason, response.read()) == (202, "Accepted", b"hello")


def test_a_response_without_a_body_ends_at_its_head() -> None:
    with server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        assert request("GET", url).read() == b""


def test_a_request_has_the_given_and_the_required_headers() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nx-a: 2\r\n\r\n") as (url, received):
        response = request("POST", f"{url}/a%20b?c=d", [("X-One", "ü")])
        response.close()

    host = url.removeprefix("http://")
    assert received == [
        f"POST /a%20b?c=d HTTP/1.1\r\nHost: {host}\r\nX-One: ü\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n".encode()
    ]
    assert response.header("x-a") == "1"
    assert response.header("x-b") == ""


@pytest.mark.parametrize(
    "response_blocks",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ],
)
def test_an_incomplete_body_is_an_error(response_blocks: list[bytes]) -> None:
    with server(*response_blocks) as (url, _):
        response = request("GET", url)

        with pytest.raises(EOFError):
            response.read()


def test_a_negative_length_is_an_error() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello") as (url, _):
        response = request("GET", url)

        with pytest.raises(ConnectionError, match="'-5' is not a number"):
            response.read()


@pytest.mark.parametrize(
    ("response_blocks", "message"),
    [([], "EOF"), ([b"HTTP/1.1 20"], "EOF"), ([b"220 smtp ready\r\n"], "malformed HTTP response")],
)
def test_an_invalid_response_is_an_error(response_blocks: list[bytes], message: str) -> None:
    with server(*response_blocks) as (url, _), pytest.raises(HttpRequestError, match=message):
        request("GET", url)


def test_a_refused_connection_is_reported_in_the_words_of_go() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(HttpRequestError) as caught:
        request("PUT", f"http://127.0.0.1:{port}/x")

    assert caught.value.headline == (
        f'Put "http://127.0.0.1:{port}/x": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


def test_a_timeout_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(HttpRequestError, match="context deadline exceeded"):
            request("GET", url, timeout=0.05)


def test_a_url_of_another_scheme_is_an_error() -> None:
    with pytest.raises(HttpRequestError, match='unsupported URL "ftp://x"'):
        request("GET", "ftp://x")
