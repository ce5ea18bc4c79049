"""Heads that Go's client reads and a strict parser refuses; measured with Go 1.19."""

from __future__ import annotations

import pytest

from labkit_services.http.lenient_head import repaired

BEGIN = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 C\r\n"


@pytest.mark.parametrize(
    ("received", "as_read"),
    [
        (BEGIN + b"A : x \r\n\r\nrest", BEGIN + b"A: x\r\n\r\nrest"),
        (b"HTTP/1.1  204 No\nA: b\n  c\n\td\n\n", b"HTTP/1.1 204 No\r\nA: b c d\r\n\r\n"),
        (b"HTTP/3.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"HTTP/0.9 200\r\n\r\n", b"HTTP/1.0 200 \r\n\r\n"),
        (BEGIN + b": x\r\nA B: y\r\nA(: z\r\nC: 1\x002\x7f\r\n\r\n", BEGIN + b"C: 1 2\r\n\r\n"),
        (BEGIN + b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nok", BEGIN + b"Content-Length: 2\r\n\r\nok"),
        (BEGIN + b"Content-Length:\r\n\r\nok", BEGIN + b"\r\nok"),
        (
            BEGIN + b"Content-Length: 9\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
            BEGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            b"HTTP/1.1 100 C\r\nA : b\r\n\r\n" + BEGIN + b"\r\n",
            b"HTTP/1.1 100 C\r\nA: b\r\n\r\n" + BEGIN + b"\r\n",
        ),
    ],
)
def test_a_head_that_go_reads_is_repaired(received: bytes, as_read: bytes) -> None:
    assert repaired(received) == as_read


@pytest.mark.parametrize("received", [b"", b"HTTP/1.", BEGIN, BEGIN + b"A: b\r\n", INTERIM + b"\r\n" + BEGIN])
def test_a_head_that_has_not_ended_is_waited_for(received: bytes) -> None:
    assert repaired(received) is None


@pytest.mark.parametrize(
    ("received", "problem"),
    [
        (b"hello\n", 'malformed HTTP response "hello"'),
        (b"HTTP/1.1 20 OK\r\n", 'malformed HTTP status code "20"'),
        (b"HTTP/1.1 -01\r\n", 'malformed HTTP status code "-01"'),
        (b"ICY 200 OK\r\n", 'malformed HTTP version "ICY"'),
        (b"HTTP/2 200\r\n", 'malformed HTTP version "HTTP/2"'),
        (BEGIN + b"foo\r\n\r\n", 'malformed MIME header: missing colon: "foo"'),
        (BEGIN + b" A: b\r\n\r\n", "malformed MIME header initial line:  A: b"),
        (BEGIN + b"Content-Length: -1\r\n\r\n", 'bad Content-Length "-1"'),
        (BEGIN + b"Content-Length: 2, 2\r\n\r\n", 'bad Content-Length "2, 2"'),
        (BEGIN + b"Content-Length: 9223372036854775808\r\n\r\n", 'bad Content-Length "9223372036854775808"'),
        (
            BEGIN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            'http: message cannot contain multiple Content-Length headers; got ["1" "2"]',
        ),
        (BEGIN + b"Transfer-Encoding: \r\n\r\n", 'unsupported transfer encoding: ""'),
        (
            BEGIN + b"Transfer-Encoding: a\r\nTransfer-Encoding: b\r\n\r\n",
            'too many transfer encodings: ["a" "b"]',
        ),
    ],
)
def test_a_head_that_go_refuses_has_go_s_error(received: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        repaired(received)
    assert str(caught.value) == problem
