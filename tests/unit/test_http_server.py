"""The HTTP server with correct, unusual and hostile clients."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
from collections.abc import AsyncIterator

import pytest
from eventually import eventually_async
from wire import serving

from labkit_services.http import (
    BodyTooLargeError,
    HangUpError,
    HttpError,
    HttpServer,
    Request,
    Response,
    server_connection,
)
from labkit_services.http.encoding import http_date

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
MEGABYTE = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The services run on uvloop if it is installed, else on asyncio."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def echo(request: Request) -> Response:
    """Respond with the request line and the body."""
    body = await request.body(64 * MEGABYTE)
    return Response(200, [("X-Line", f"{request.method} {request.target} {request.http_version}")], body)


def post(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


# -- one connection, many requests


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for body in (b"one", b"", b"three"):
            wire.send(post(body))
            assert (await wire.response()).body == body


async def test_pipelined_requests_get_responses_in_order() -> None:
    async def slower_first(request: Request) -> Response:
        await asyncio.sleep(0.01 if request.path == "/0" else 0)
        return Response(200, (), request.path.encode())

    async with serving(slower_first) as served:
        wire = await served.connect()
        wire.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: t\r\n\r\n" % number for number in range(100)))
        assert [(await wire.response()).body for _ in range(100)] == [b"/%d" % n for n in range(100)]


async def test_many_pipelined_requests_wait_in_the_socket_and_all_get_responses() -> None:
    hold = asyncio.Event()

    async def held(_request: Request) -> Response:
        await hold.wait()
        return Response(200)

    count, request = 8_000, b"GET / HTTP/1.1\r\nHost: t\r\nX-Filler: " + b"x" * 1000 + b"\r\n\r\n"
    async with serving(held) as served:
        wire = await served.connect()
        wire.send(request * count)
        await eventually_async(lambda: served.server.connections)
        (connection,) = served.server.connections
        await eventually_async(lambda: connection._reading_paused, "the server stops reading")
        waiting = len(connection._waiting)
        assert 0 < waiting < count / 4
        hold.set()
        for _ in range(count):
            assert (await wire.response()).status == 200
            assert len(connection._waiting) <= count / 4, (
                "it reads again only when it has handled all that it has read"
            )


async def test_a_client_that_never_reads_responses_is_paused() -> None:
    answered = 0

    async def big(_request: Request) -> Response:
        nonlocal answered
        answered += 1
        return Response(200, (), b"x" * MEGABYTE)

    async with serving(big) as served:
        wire = await served.connect()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(GET * 500)
        await eventually_async(
            lambda: any(c.writable for c in served.server.connections), "the server waits for the client"
        )
        assert answered < 50
        for connection in list(served.server.connections):
            connection.abort()


async def test_requests_before_an_invalid_one_get_their_responses_first() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"good") + b"\x00garbage\r\n\r\n")
        assert (await wire.response()).body == b"good"
        assert (await wire.response()).status == 400
        assert await wire.ended()


async def test_requests_after_connection_close_are_ignored() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"last", "Connection: close") + GET)
        answer = await wire.response()
        assert (answer.body, answer.headers.get("Connection")) == (b"last", "close")
        assert await wire.ended()


async def test_an_unread_body_does_not_block_the_connection() -> None:
    arrived = asyncio.Event()

    async def uninterested(request: Request) -> Response:
        await eventually_async(lambda: request.incoming.complete)
        arrived.set()
        return Response(200)

    async with serving(uninterested) as served:
        wire = await served.connect()
        for _ in range(3):
            # More than is buffered unread, sent all at once.
            wire.send(post(b"x" * 300_000))
            assert (await wire.response()).status == 200
        assert arrived.is_set()


# -- rejected requests


@pytest.mark.parametrize(
    "target",
    ["http://h:x/a", "http://[::1/a", "http://h%41/a", "http://a\\@b/", "http://a@b@c/", "http://a]/"],
)
async def test_a_target_with_an_invalid_authority_is_refused_as_by_go(target: str) -> None:
    async with serving(echo) as served:
        assert (await served.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % target.encode())).status == 400


@pytest.mark.parametrize("authority", ["h", "h:1", "[::1]:80", "user:pw@h", "h:"])
async def test_a_target_with_an_authority_is_accepted(authority: str) -> None:
    async with serving(echo) as served:
        target = b"http://%b/a" % authority.encode()
        assert (await served.ask(b"GET %b HTTP/1.1\r\nHost: t\r\n\r\n" % target)).status == 200


@pytest.mark.parametrize(
    ("expect", "status"),
    [("100-continue, x", 200), ("x,100-Continue", 200), ("", 200), ("x", 417), ("100-continued", 417)],
)
async def test_an_expectation_is_a_token_among_others_as_in_go(expect: str, status: int) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"body", f"Expect: {expect}"))
        assert (await wire.response()).status == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\n: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA: b\x00c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nA: b\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA: b\rc\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        (
            b"GET / HTTP/1.1\r\nHost: t\r\n" + b"".join(b"H%d: v\r\n" % n for n in range(10_000)) + b"\r\n",
            431,
        ),
        (b"GET / HTTP/1.1\r\nHost: t\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_an_invalid_or_too_large_request_gets_an_error_and_a_close(data: bytes, status: int) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(data)
        answer = await wire.response()
        assert answer.status == status
        assert answer.headers.get("Connection") == "close"
        assert answer.body.startswith(str(status).encode())
        assert await wire.ended()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nHost: t\r\nEndless: ",
        b"GET / HTTP/1.1\r\nHost: t\r\nEndless",
        b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: ",
    ],
)
async def test_an_endless_line_is_rejected_at_the_limit(beginning: bytes) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(beginning)
        sent = 0
        while served.server.connections or sent == 0:
            wire.send(b"x" * 65536)
            sent += 65536
            try:
                await wire.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0)
            if any(connection._rejection for connection in served.server.connections):
                break
            assert sent < 20 * MEGABYTE
        assert sent <= 2 * MEGABYTE


async def test_a_request_may_arrive_byte_by_byte() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for byte in post(b"slowly", "X-Some: header"):
            wire.send(bytes([byte]))
            await wire.drain()
        assert (await wire.response()).body == b"slowly"


async def test_many_headers_keep_order_spelling_and_duplicates() -> None:
    async def show(request: Request) -> Response:
        return Response.json(200, request.headers.pairs)

    async with serving(show) as served:
        answer = await served.ask(
            b"GET / HTTP/1.1\r\nHost: t\r\nb: 1\r\nA: 2\r\nB:  3 \r\nx-Odd-CASE: \xe9\r\n\r\n"
        )
        assert answer.body == b'[["Host","t"],["b","1"],["A","2"],["B","3"],["x-Odd-CASE","\\u00e9"]]'


# -- versions, methods, framing


async def test_http_1_0_gets_a_response_and_a_close() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await wire.response()).headers.get("Connection") == "close"
        assert await wire.ended()


async def test_http_1_0_with_keep_alive_is_kept() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await wire.response()).headers.get("Connection") == "keep-alive"


async def numbers(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    return Response(200, (), parts())


async def test_a_streamed_response_is_chunked_and_keeps_the_connection() -> None:
    async with serving(numbers) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            answer = await wire.response()
            assert (answer.headers.get("Transfer-Encoding"), answer.body) == ("chunked", b"one two")


async def test_a_streamed_response_to_http_1_0_ends_with_the_connection() -> None:
    async with serving(numbers) as served:
        answer = await served.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert "Transfer-Encoding" not in answer.headers
        assert answer.body == b"one two"


async def test_head_gets_only_the_head() -> None:
    async def whole(_request: Request) -> Response:
        return Response(200, (), b"body")

    for handler, header in ((whole, "Content-Length"), (numbers, "Transfer-Encoding")):
        async with serving(handler) as served:
            wire = await served.connect()
            for _ in range(2):
                wire.send(b"HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
                assert header in (await wire.response("HEAD")).headers


@pytest.mark.parametrize("status", [204, 304])
async def test_204_and_304_are_sent_without_a_body(status: int) -> None:
    async def whole(_request: Request) -> Response:
        return Response(status, (), b"too much")

    async def streamed(request: Request) -> Response:
        response = await numbers(request)
        response.status = status
        return response

    for handler in (whole, streamed):
        async with serving(handler) as served:
            wire = await served.connect()
            for _ in range(2):
                wire.send(GET)
                answer = await wire.response()
                assert answer.status == status
                assert not {"Transfer-Encoding", "Content-Length"} & set(dict(answer.headers))


async def test_a_chunked_body_is_decoded_and_its_trailers_are_ignored() -> None:
    async def show(request: Request) -> Response:
        body = await request.body(100)
        return Response.json(200, [body.decode(), request.headers.pairs])

    head = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n"
    async with serving(show) as served:
        wire = await served.connect()
        wire.send(data)
        assert (await wire.response()).body == b'["hello!",[["Host","t"],["Transfer-Encoding","chunked"]]]'
        for byte in data:
            wire.send(bytes([byte]))
            await wire.drain()
        assert (await wire.response()).body == b'["hello!",[["Host","t"],["Transfer-Encoding","chunked"]]]'


@pytest.mark.parametrize("coding", ["gzip", "identity", "gzip, chunked", "chunked, chunked"])
async def test_an_unknown_transfer_encoding_is_a_501(coding: str) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(f"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n".encode())
        assert (await wire.response()).status in (400, 501)
        assert await wire.ended(), "nothing behind it is taken for a request"


async def test_a_target_in_absolute_form_has_a_path_and_query() -> None:
    async def show(request: Request) -> Response:
        return Response.text(200, f"{request.path}|{request.query}")

    async with serving(show) as served:
        assert (
            await served.ask(b"GET http://h:1/a/b?c=http://d HTTP/1.1\r\nHost: t\r\n\r\n")
        ).body == b"/a/b|c=http://d"
        assert (await served.ask(b"GET http://h HTTP/1.1\r\nHost: t\r\n\r\n")).body == b"/|"
        assert (
            await served.ask(b"GET /a?b=http://c/d HTTP/1.1\r\nHost: t\r\n\r\n")
        ).body == b"/a|b=http://c/d"


@pytest.mark.parametrize("split", [0, 1, 20])
@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: 5", b"hello"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
async def test_an_upgrade_is_ignored_and_the_body_is_kept(framing: str, body: bytes, split: int) -> None:
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"
    head = f"POST / HTTP/1.1\r\nHost: t\r\n{upgrade}\r\n{framing}\r\n\r\n"
    requests: list[Request] = []

    async def echo_and_record(request: Request) -> Response:
        requests.append(request)
        return await echo(request)

    async with serving(echo_and_record) as served:
        wire = await served.connect()
        wire.send(head.encode() + body[:split])
        await eventually_async(lambda: requests, "the head has arrived")
        wire.send(body[split:] + GET)
        answer = await wire.response()
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.headers.get("X-Line") == "POST / 1.1"
        assert (await wire.response()).status == 200, "the connection continues with HTTP/1.1"


async def test_connect_is_handled_like_other_methods() -> None:
    async with serving(echo) as served:
        answer = await served.ask(b"CONNECT a.example:80 HTTP/1.1\r\nHost: t\r\n\r\n")
        assert answer.headers.get("X-Line") == "CONNECT a.example:80 1.1"


@pytest.mark.parametrize(
    "method",
    ["FOO", "get", "Get", "TRACE", "PROPFIND", "QUERY", "PRI", "M-SEARCH", "a!#$%&'*+.^_`|~9", "P", "POS"],
)
async def test_any_token_is_a_method(method: str) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(f"{method} /x HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello".encode())
            answer = await wire.response()
            assert (answer.headers.get("X-Line"), answer.body) == (f"{method} /x 1.1", b"hello")
        wire.send(GET)
        assert (await wire.response()).headers.get("X-Line") == "GET / 1.1"


async def test_a_method_may_arrive_byte_by_byte() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for line in ("FOO /a HTTP/1.1", "GET /b HTTP/1.1", "\r\nget /c HTTP/1.1", "POSTER /d HTTP/1.1"):
            for byte in f"{line}\r\nHost: t\r\n\r\n".encode():
                wire.send(bytes([byte]))
                await wire.drain()
                await asyncio.sleep(0)
            sent = line.strip().replace("HTTP/", "")
            assert (await wire.response()).headers.get("X-Line") == sent


async def test_a_stalled_method_gets_408() -> None:
    async with serving(echo, read_seconds=0.1) as served:
        wire = await served.connect()
        wire.send(b"PROPF")
        assert (await wire.response()).status == 408
        assert await wire.ended()


@pytest.mark.parametrize(
    "line", ["G@T / HTTP/1.1", " / HTTP/1.1", "/ HTTP/1.1", "A" * 65 + " / HTTP/1.1", "G\xe9T / HTTP/1.1"]
)
async def test_what_is_no_token_is_no_method(line: str) -> None:
    async with serving(echo) as served:
        answer = await served.ask(f"{line}\r\nHost: t\r\n\r\n".encode("latin-1"))
        assert answer.status == 400


async def test_raw_utf_8_in_a_target_is_percent_encoded() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for method in ("GET", "FOO"):
            wire.send(f"{method} /é?ü=%C3%A4 HTTP/1.1\r\nHost: t\r\nX-A: é\r\n\r\n".encode())
            answer = await wire.response()
            assert answer.headers.get("X-Line") == f"{method} /%C3%A9?%C3%BC=%C3%A4 1.1"


async def test_error_responses_are_not_sniffed_but_those_of_the_server_itself_are_go_s() -> None:
    async def refuse(_request: Request) -> Response:
        raise HttpError(418, "no\n")

    async with serving(refuse) as served:
        answer = await served.ask(GET)
        assert (answer.status, answer.body) == (418, b"no\n")
        assert answer.headers.get("X-Content-Type-Options") == "nosniff"
        assert answer.headers.get("Content-Type") == "text/plain; charset=utf-8"
        rejected = await served.ask(b"GET / HTTP/9.9\r\n\r\n")
        assert rejected.status >= 400
        assert rejected.headers.get("Content-Type") == "text/plain; charset=utf-8"
        assert "X-Content-Type-Options" not in rejected.headers


# -- bodies


async def test_100_continue_is_sent_when_the_handler_reads_the_body() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        head, body = post(b"wanted", "Expect: 100-continue").split(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert (await wire.head()).status == 100
        wire.send(body)
        assert (await wire.response()).body == b"wanted"


async def test_100_continue_is_not_sent_if_the_handler_rejects_the_body() -> None:
    async def refuse(request: Request) -> Response:
        await request.body(10)
        raise AssertionError

    async with serving(refuse) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 100, "Expect: 100-continue").split(b"xxx")[0])
        assert (await wire.response()).status == 413
        assert await wire.ended()


async def test_a_client_that_is_still_sending_can_read_an_early_413() -> None:
    async def small(request: Request) -> Response:
        async for _ in request.stream():
            raise BodyTooLargeError(1)
        raise AssertionError

    async with serving(small) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 30 * MEGABYTE))
        answer = await wire.response()
        assert answer.status == 413
        assert b"maximum: 1 bytes" in answer.body


async def test_a_large_body_is_read_with_constant_memory() -> None:
    peak = 0

    async def digest(request: Request) -> Response:
        nonlocal peak
        sha = hashlib.sha256()
        async for part in request.stream():
            peak = max(peak, len(part))
            sha.update(part)
            await asyncio.sleep(0)
        return Response(200, (), sha.hexdigest().encode())

    body = bytes(range(256)) * 4 * 1024 * 32
    async with serving(digest) as served:
        answer = await served.ask(post(body))
        assert answer.body.decode() == hashlib.sha256(body).hexdigest()
    assert peak <= MEGABYTE


async def test_a_stalled_body_gets_408() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 100)[:-50])
        await eventually_async(lambda: any(c.task for c in served.server.connections))
        served.let_deadlines_pass()
        assert (await wire.response()).status == 408
        assert await wire.ended()


async def test_a_stalled_head_gets_408() -> None:
    async with serving(echo, read_seconds=0.2) as served:
        wire = await served.connect()
        wire.send(GET + b"GET / HTT")
        assert (await wire.response()).status == 200
        assert (await wire.response()).status == 408
        assert await wire.ended()


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ", b"GET /", b"PROP", b"POST / HTTP/1.1\r\n"]
)
async def test_a_head_that_is_dripped_byte_by_byte_is_cut_off(start: bytes) -> None:
    async with serving(echo, read_seconds=0.5) as served:
        wire = await served.connect()
        wire.send(start)
        response = asyncio.ensure_future(wire.response())
        async with asyncio.timeout(10):
            while not response.done():
                wire.send(b"a")
                await asyncio.sleep(0.05)
        assert response.result().status == 408


async def test_blank_lines_do_not_keep_a_connection() -> None:
    async with serving(echo, read_seconds=0.3, idle_seconds=0.3) as served:
        fresh, used = await served.connect(), await served.connect()
        used.send(GET)
        assert (await used.response()).status == 200
        async with asyncio.timeout(10):
            for wire in (fresh, used):
                ended = asyncio.ensure_future(wire.ended())
                while not ended.done():
                    wire.send(b"\r\n")
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("framing", ["Content-Length: 10000", "Transfer-Encoding: chunked"])
async def test_a_body_that_is_dripped_byte_by_byte_is_cut_off(framing: str) -> None:
    async with serving(echo, read_seconds=0.5) as served:
        wire = await served.connect()
        wire.send(f"POST / HTTP/1.1\r\nHost: t\r\n{framing}\r\n\r\n".encode())
        response = asyncio.ensure_future(wire.response())
        async with asyncio.timeout(10):
            while not response.done():
                wire.send(b"1\r\na\r\n" if "chunked" in framing else b"a")
                await asyncio.sleep(0.05)
        assert response.result().status == 408


async def test_a_body_that_arrives_steadily_may_take_longer_than_the_limit() -> None:
    async with serving(echo, read_seconds=0.5, body_rate=1000) as served:
        wire = await served.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n")
        for _ in range(60):
            wire.send(b"x" * 1000)
            await asyncio.sleep(0.05)
        assert (await wire.response()).body == b"x" * 60_000


@pytest.mark.parametrize(
    "lines", ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n"]
)
async def test_a_missing_doubled_or_malformed_host_is_refused_and_the_connection_closed(lines: str) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
        assert (await wire.response()).status == 400
        assert await wire.ended()


async def test_http_1_0_needs_no_host_but_may_not_have_two() -> None:
    async with serving(echo) as served:
        assert (await served.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200
        assert (await served.ask(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")).status == 400


async def test_an_idle_connection_is_closed() -> None:
    async with serving(echo, read_seconds=0.1, idle_seconds=0.1) as served:
        silent, idle = await served.connect(), await served.connect()
        idle.send(GET)
        assert (await idle.response()).status == 200
        assert await silent.ended()
        assert await idle.ended()


async def test_a_slow_handler_does_not_time_out_its_client() -> None:
    hold = asyncio.Event()

    async def late(request: Request) -> Response:
        await hold.wait()
        return await echo(request)

    async with serving(late) as served:
        wire = await served.connect()
        body = b"x" * 8 * MEGABYTE
        wire.send(post(body))
        await eventually_async(
            lambda: any(c._parser.body and c._parser.body.full for c in served.server.connections)
        )
        served.let_deadlines_pass()
        hold.set()
        answer = await wire.response()
        assert (answer.status, len(answer.body)) == (200, len(body))


async def test_a_client_that_disconnects_within_its_body_cancels_the_handler() -> None:
    seen: list[str] = []

    async def read(request: Request) -> Response:
        try:
            await request.body(1000)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        raise AssertionError

    async with serving(read) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 100)[:-50])
        await eventually_async(lambda: any(c.task for c in served.server.connections))
        await wire.close()
        await eventually_async(lambda: seen)
        assert seen == ["CancelledError"]
        assert served.errors == []


async def test_a_client_that_disconnects_cancels_its_handler() -> None:
    began, released = asyncio.Event(), asyncio.Event()

    async def long(_request: Request) -> Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            released.set()
        raise AssertionError

    async with serving(long) as served:
        wire = await served.connect()
        wire.send(GET)
        await asyncio.wait_for(began.wait(), 5)
        await wire.close()
        await asyncio.wait_for(released.wait(), 5)


async def slow_answer(_request: Request) -> Response:
    await asyncio.sleep(0.3)
    return Response(200, (), b"answer")


@pytest.mark.parametrize("data", [GET, post(b"x"), GET + GET])
async def test_a_client_that_half_closes_after_its_request_gets_its_response(data: bytes) -> None:
    async with serving(slow_answer) as served:
        wire = await served.connect()
        wire.send(data)
        wire.writer.write_eof()
        for _ in range(data.count(b"HTTP/1.1")):
            assert (await wire.response()).body == b"answer"
        assert await wire.reader.read() == b""
        await eventually_async(lambda: not served.server.connections)


async def test_a_client_that_half_closes_and_then_goes_cancels_its_handler() -> None:
    began, released = asyncio.Event(), asyncio.Event()

    async def long(_request: Request) -> Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            released.set()
        raise AssertionError

    async with serving(long) as served:
        wire = await served.connect()
        wire.send(GET)
        wire.writer.write_eof()
        await asyncio.wait_for(began.wait(), 5)
        await asyncio.sleep(0.1)
        assert not released.is_set()
        await wire.close()
        await asyncio.wait_for(released.wait(), 5)


async def test_where_the_kernel_does_not_tell_a_half_closed_client_has_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_connection, "peer_is_open", lambda _: None)
    hold = asyncio.Event()

    async def answer(request: Request) -> Response:
        if request.path == "/never":
            await hold.wait()
        return await slow_answer(request)

    async with serving(answer) as served:
        quick, never = await served.connect(), await served.connect()
        for wire, data in ((quick, GET), (never, GET.replace(b" / ", b" /never "))):
            wire.send(data)
            wire.writer.write_eof()
        assert (await quick.response()).body == b"answer"
        assert await asyncio.wait_for(never.reader.read(), 5) == b""


async def test_a_client_that_half_closes_within_its_request_gets_no_response() -> None:
    async with serving(slow_answer) as served:
        for data in (GET[:-2], b"", b"GET"):
            wire = await served.connect()
            wire.send(data)
            wire.writer.write_eof()
            assert await asyncio.wait_for(wire.reader.read(), 5) == b""


# -- responses


def endless(produced: list[int], closed: asyncio.Event) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                produced[0] += 65536
                yield b"x" * 65536
        finally:
            closed.set()

    return Response(200, (), parts())


async def test_a_slow_reader_pauses_the_handler_and_a_stopped_one_is_cut() -> None:
    produced, closed = [0], asyncio.Event()

    async def stream(_request: Request) -> Response:
        return endless(produced, closed)

    async with serving(stream) as served:
        wire = await served.connect()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(GET)
        await eventually_async(lambda: any(c.writable for c in served.server.connections))
        first = produced[0]
        assert first < 16 * MEGABYTE  # the capacity of the two socket buffers
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await wire.reader.readexactly(2 * MEGABYTE)
        await eventually_async(lambda: produced[0] > first)
        assert not closed.is_set()

        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually_async(lambda: any(c.writable for c in served.server.connections))
        # Reading even a little between two checks keeps the connection.
        for connection in served.server.connections:
            connection._unsent += 1
        served.let_deadlines_pass()
        assert not closed.is_set()
        served.let_deadlines_pass()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_stream_is_closed_when_its_client_disconnects() -> None:
    produced, closed = [0], asyncio.Event()

    async def stream(_request: Request) -> Response:
        return endless(produced, closed)

    async with serving(stream) as served:
        wire = await served.connect()
        wire.send(GET)
        await wire.reader.readexactly(100_000)
        await wire.close()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_large_streamed_response_arrives_complete() -> None:
    async def stream(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(400):
                yield bytes([number % 256]) * 100_000

        return Response(200, [("Content-Length", "40000000")], parts())

    async with serving(stream) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            body = (await wire.response()).body
            assert body == b"".join(bytes([number % 256]) * 100_000 for number in range(400))


@pytest.mark.parametrize("length", ["5", "50", None])
async def test_a_stream_that_fails_is_cut_so_that_the_client_notices(length: str | None) -> None:
    closed = asyncio.Event()

    async def stream(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"0123456789"
                if length is None:
                    raise KeyError("on purpose")
            finally:
                closed.set()

        return Response(200, [("Content-Length", length)] if length else (), parts())

    async with serving(stream) as served:
        wire = await served.connect()
        wire.send(GET)
        if length == "5":
            assert (await wire.head()).status == 200
            assert await wire.ended(), "no byte of a body that is too long"
        else:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
                await wire.response()
        assert len(served.errors) == 1
        assert closed.is_set()


@pytest.mark.parametrize(
    "response",
    [
        Response(101),
        Response(42),
        Response(1000),
        Response(200, [("X-Bad", "a\r\nInjected: yes")]),
        Response(200, [("X-Bad\n", "a")]),
    ],
)
async def test_a_response_that_cannot_be_encoded_is_a_500(response: Response) -> None:
    async def handler(_request: Request) -> Response:
        return Response(response.status, response.headers.pairs, response.body)

    async def streamed(request: Request) -> Response:
        return Response(response.status, response.headers.pairs, (await numbers(request)).body)

    for each in (handler, streamed):
        async with serving(each) as served:
            answer = await served.ask(GET)
            assert answer.status == 500
            assert "Injected" not in answer.headers
            assert len(served.errors) == 1


async def test_a_failing_handler_is_a_500_without_details() -> None:
    async def fail(_request: Request) -> Response:
        raise RuntimeError("a secret")

    async with serving(fail) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            answer = await wire.response()
            assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
        assert served.errors == ["RuntimeError('a secret')"] * 2


async def test_a_handler_that_cancels_itself_cuts_its_connection() -> None:
    async def cancelled(_request: Request) -> Response:
        raise asyncio.CancelledError

    async with serving(cancelled) as served:
        wire = await served.connect()
        wire.send(GET)
        assert await wire.ended()


async def test_hang_up_error_in_a_handler_closes_the_connection_without_a_response() -> None:
    async def hang_up(request: Request) -> Response:
        if request.method == "POST":
            return await echo(request)
        raise HangUpError

    async with serving(hang_up) as served:
        wire = await served.connect()
        wire.send(post(b"before") + GET + post(b"after"))
        assert (await wire.response()).body == b"before"
        assert await wire.ended()
        assert served.errors == []


async def test_hang_up_error_in_a_body_closes_the_connection_within_it() -> None:
    async def stream(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"the first part"
            raise HangUpError

        return Response(200, (), parts())

    async with serving(stream) as served:
        wire = await served.connect()
        wire.send(GET)
        await wire.head()
        assert await wire.reader.read() == b"e\r\nthe first part\r\n", "and no last chunk"
        assert served.errors == []


@pytest.mark.parametrize("seconds", [0, 951782399, 951782400, 1_787_392_800, 4_102_444_799])
def test_dates_have_http_s_format(seconds: int) -> None:
    assert http_date(seconds) == email.utils.formatdate(seconds, usegmt=True)


# -- start and stop


async def test_stop_lets_responses_finish_and_closes_idle_connections() -> None:
    hold, began = asyncio.Event(), asyncio.Event()

    async def held(request: Request) -> Response:
        if request.path == "/held":
            began.set()
            await hold.wait()
        return Response(200, (), b"done")

    async with serving(held) as served:
        idle, busy = await served.connect(), await served.connect()
        idle.send(GET)
        await idle.response()
        busy.send(b"GET /held HTTP/1.1\r\nHost: t\r\n\r\n")
        await asyncio.wait_for(began.wait(), 5)
        stopping = asyncio.create_task(served.server.stop(10))
        assert await idle.ended()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await served.ask(GET)
        hold.set()
        answer = await busy.response()
        assert (answer.body, answer.headers.get("Connection")) == (b"done", "close")
        async with asyncio.timeout(5):
            await stopping


async def test_stop_cuts_requests_after_the_grace_period_and_waits_for_their_cleanup() -> None:
    began, cleaned = asyncio.Event(), asyncio.Event()

    async def endless_wait(_request: Request) -> Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()
        raise AssertionError

    async with serving(endless_wait) as served:
        wire = await served.connect()
        wire.send(GET)
        await asyncio.wait_for(began.wait(), 5)
        async with asyncio.timeout(5):
            await served.server.stop(0.05)
        assert cleaned.is_set()
        assert await wire.ended()


async def test_a_port_in_use_is_an_error_unless_fallback_is_set() -> None:
    async with serving(echo) as served:
        other = HttpServer(echo)
        with pytest.raises(OSError, match="in use"):
            await other.start(port=served.port)
        _, port = await other.start(port=served.port, fallback=True)
        assert port not in (0, served.port)
        await other.stop(1)


async def test_hundreds_of_concurrent_connections_are_all_served() -> None:
    async with serving(echo) as served:

        async def one(number: int) -> None:
            body = b"%d" % number
            assert (await served.ask(post(body))).body == body

        await asyncio.gather(*map(one, range(300)))
