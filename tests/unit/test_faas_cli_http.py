"""The HTTP client of faas-cli against valid and invalid responses."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from labkit.openfaas_cli.faas_cli.http import HttpRequestError, request
from labkit.openfaas_cli.faas_cli.http_syntax import escape_path

BROKEN = "net/http: HTTP/1.x transport connection broken"


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
        f"POST /a%20b?c=d HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n"
        "Content-Length: 0\r\nX-One: ü\r\nAccept-Encoding: gzip\r\n\r\n".encode()
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

        with pytest.raises(HttpRequestError, match="unexpected EOF"):
            response.read()


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 20", "unexpected EOF"),
        (b"garbage\r\n", f'{BROKEN}: malformed HTTP response "garbage"'),
        (b"\0\r\n", f'{BROKEN}: malformed HTTP response "\\x00"'),
        (b"220 smtp ready\r\n", f'{BROKEN}: malformed HTTP status code "smtp"'),
        (b"HTTP/1.1 20 OK\r\n\r\n", f'{BROKEN}: malformed HTTP status code "20"'),
        (b"HTTP/2 200 OK\r\n\r\n", f'{BROKEN}: malformed HTTP version "HTTP/2"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", f'{BROKEN}: bad Content-Length "-1"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", f'{BROKEN}: bad Content-Length "x"'),
        (
            b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            f'{BROKEN}: malformed MIME header: missing colon: "bad header"',
        ),
    ],
)
def test_an_invalid_response_is_an_error_in_the_words_of_go(response: bytes, message: str) -> None:
    with server(response) as (url, _), pytest.raises(HttpRequestError) as caught:
        request("GET", url)

    assert caught.value.headline == f'Get "{url}": {message}'


def test_an_invalid_chunk_is_an_error() -> None:
    with server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab") as (url, _):
        response = request("GET", url)

        with pytest.raises(ConnectionError, match="invalid byte in chunk length"):
            response.read()


@pytest.mark.parametrize("headers", [[], [("Accept-Encoding", "gzip")], [("Range", "bytes=0-")]])
def test_gzip_is_decoded_unless_the_caller_asked_for_an_encoding(headers: list[tuple[str, str]]) -> None:
    body = gzip.compress(b"hello")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with server(head.encode(), body) as (url, received):
        assert request("GET", url, headers).read() == (body if headers else b"hello")

    asked = [line for line in received[0].split(b"\r\n") if line.startswith(b"Accept-Encoding")]
    assert asked == ([] if headers[:1] == [("Range", "bytes=0-")] else [b"Accept-Encoding: gzip"])


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"body")],
)
def test_a_redirect_is_followed(status: int, method: str, body: bytes) -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (target, reached):
        head = f"HTTP/1.1 {status} Found\r\nLocation: {target}/there\r\nContent-Length: 0\r\n\r\n"
        with server(head.encode()) as (url, _):
            assert request("POST", url, body=b"body").read() == b"ok"

    assert reached[0].startswith(f"{method} /there HTTP/1.1\r\n".encode())
    assert f"\r\nReferer: {url}\r\n".encode() in reached[0]
    assert reached[0].endswith(b"\r\n\r\n" + body)


def test_a_password_is_not_sent_to_the_host_of_a_redirect() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (target, reached):
        head = f"HTTP/1.1 307 Found\r\nLocation: {target}/\r\nContent-Length: 0\r\n\r\n"
        with server(head.encode()) as (url, received):
            request("GET", url, [("Authorization", "Basic x"), ("X-A", "1")]).read()

    assert b"Authorization: Basic x" in received[0]
    assert b"Authorization" not in reached[0]
    assert b"X-A: 1" in reached[0]


@pytest.mark.parametrize(
    ("path", "escaped"),
    [
        ("f#x", "f%23x"),
        ("f?a=b", "f%3Fa=b"),
        ("f/x", "f/x"),
        ("../system/functions", "../system/functions"),
        ("f%20x", "f%2520x"),
        ("f x", "f%20x"),
        ("ü", "%C3%BC"),
        ("\udcff", "%FF"),
        ("a;b,c:d@e&f=g+h$i", "a;b,c:d@e&f=g+h$i"),
        ("!*'()", "%21%2A%27%28%29"),
        ("[x]", "%5Bx%5D"),
        ('a\\b"c<d>e^f`g{h|i}j~k\n', "a%5Cb%22c%3Cd%3Ee%5Ef%60g%7Bh%7Ci%7Dj~k%0A"),
        ("-f.g_h", "-f.g_h"),
    ],
)
def test_a_path_is_escaped_as_in_go(path: str, escaped: str) -> None:
    assert escape_path(path) == escaped


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


@pytest.mark.parametrize("host", ["name.invalid", "..", "ü.invalid", "x" * 70])
def test_a_host_that_nobody_has_is_an_error(host: str) -> None:
    with pytest.raises(HttpRequestError, match=f"dial tcp: lookup {host}: no such host"):
        request("GET", f"http://{host}:8080/")


def test_the_next_address_of_a_host_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        port = int(url.rpartition(":")[2])
        refusing = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port))
        serving = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr("_socket.getaddrinfo", lambda *_: [refusing, serving])

        response = request("GET", f"http://two-addresses:{port}/")

        assert (response.status, response.read()) == (204, b"")


@pytest.fixture
def tls_url(tmp_path: Path) -> Iterator[str]:
    """A server whose certificate nobody has signed; it responds with a head, never with the body."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with (
                connection,
                suppress(OSError),
                context.wrap_socket(connection, server_side=True) as encrypted,
            ):
                encrypted.recv(65536)
                encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                encrypted.recv(65536)  # until the client closes the connection

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/x"
        thread.join(10)
        assert not thread.is_alive()


def test_a_certificate_that_nobody_has_signed_is_an_error(tls_url: str) -> None:
    with pytest.raises(HttpRequestError, match="certificate verify failed"):
        request("GET", tls_url)


def test_without_verification_any_certificate_will_do_and_the_timeout_still_holds(tls_url: str) -> None:
    response = request("GET", tls_url, verify=False, timeout=1.0)

    assert response.status == 200
    with pytest.raises(HttpRequestError, match="while reading body"):
        response.read()
