"""The one-request HTTP client against servers of every manner."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labkit.openfaas_cli.faas_cli.http import HttpRequestError, request


@contextmanager
def server(*answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request with these bytes, in these pieces, then close; yield URL and what was received."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                received.append(data)
                for piece in answer:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 202 Acc", b"epted\r\nContent-Len", b"gth: 5\r\n\r\nhe", b"llo"],
        [b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"],
        [b"HTTP/1.0 202 Accepted\r\n\r\nhel", b"lo"],
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello"],
    ],
)
def test_every_way_to_send_an_answer_is_understood(answer: list[bytes]) -> None:
    with server(*answer) as (url, _):
        response = request("GET", url)

        assert (response.status, response.reason, response.read()) == (202, "Accepted", b"hello")


def test_an_answer_without_a_body_ends_at_its_head() -> None:
    with server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        assert request("GET", url).read() == b""


def test_a_request_has_the_headers_it_was_given_and_those_it_needs() -> None:
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
    "answer",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ],
)
def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(answer: list[bytes]) -> None:
    with server(*answer) as (url, _):
        response = request("GET", url)

        with pytest.raises(EOFError):
            response.read()


@pytest.mark.parametrize(
    ("answer", "message"),
    [([], "EOF"), ([b"HTTP/1.1 20"], "EOF"), ([b"220 smtp ready\r\n"], "malformed HTTP response")],
)
def test_what_is_no_answer_is_an_error(answer: list[bytes], message: str) -> None:
    with server(*answer) as (url, _), pytest.raises(HttpRequestError, match=message):
        request("GET", url)


def test_nobody_listening_is_said_as_go_says_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(HttpRequestError) as caught:
        request("PUT", f"http://127.0.0.1:{port}/x")

    assert caught.value.headline == (
        f'Put "http://127.0.0.1:{port}/x": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


def test_no_answer_in_time_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(HttpRequestError, match="context deadline exceeded"):
            request("GET", url, timeout=0.05)


def test_a_url_of_another_kind_is_an_error() -> None:
    with pytest.raises(HttpRequestError, match='unsupported URL "ftp://x"'):
        request("GET", "ftp://x")
