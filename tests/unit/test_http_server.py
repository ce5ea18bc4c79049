"""What the HTTP server does with good, odd and hostile clients."""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
from collections.abc import AsyncIterator

import pytest
from eventually import eventually_async
from wire import serving

from labkit_services.http import BodyTooLargeError, HangUpError, HttpServer, Request, Response
from labkit_services.http.wire import http_date

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
MEGABYTE = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The services run on uvloop where there is one, and on asyncio's own loop elsewhere."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def echo(request: Request) -> Response:
    """Answer with what came: request line, and the body's bytes."""
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
            assert (await wire.answer()).body == body


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def slower_first(request: Request) -> Response:
        await asyncio.sleep(0.01 if request.path == "/0" else 0)
        return Response(200, (), request.path.encode())

    async with serving(slower_first) as served:
        wire = await served.connect()
        wire.send(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(100)))
        assert [(await wire.answer()).body for _ in range(100)] == [b"/%d" % n for n in range(100)]


async def test_a_pipelined_flood_waits_in_the_socket_and_is_answered_in_full() -> None:
    hold = asyncio.Event()

    async def held(_request: Request) -> Response:
        await hold.wait()
        return Response(200)

    count, request = 8_000, b"GET / HTTP/1.1\r\nX-Filler: " + b"x" * 1000 + b"\r\n\r\n"
    async with serving(held) as served:
        wire = await served.connect()
        wire.send(request * count)
        await eventually_async(lambda: served.server.connections)
        (connection,) = served.server.connections
        await eventually_async(lambda: connection._held_back, "the server stops reading")
        waiting = len(connection._waiting)
        assert 0 < waiting < count / 4
        hold.set()
        for _ in range(count):
            assert (await wire.answer()).status == 200
            assert len(connection._waiting) <= count / 4, "reads on only when it has worked off what it has"


async def test_a_client_that_asks_without_reading_does_not_fill_the_memory() -> None:
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
            lambda: any(c._writable for c in served.server.connections), "the server waits"
        )
        assert answered < 50
        for connection in list(served.server.connections):
            connection.abort()


async def test_what_came_before_garbage_is_answered_first() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"good") + b"\x00garbage\r\n\r\n")
        assert (await wire.answer()).body == b"good"
        assert (await wire.answer()).status == 400
        assert await wire.ended()


async def test_after_connection_close_nothing_more_is_served() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"last", "Connection: close") + GET)
        answer = await wire.answer()
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
            # More than what is held unread, and yet all of it in flight at once.
            wire.send(post(b"x" * 300_000))
            assert (await wire.answer()).status == 200
        assert arrived.is_set()


# -- what is refused


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nA: b\n\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: v\r\n" % n for n in range(10_000)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_not_http_or_too_much_is_refused_and_cut(data: bytes, status: int) -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(data)
        answer = await wire.answer()
        assert answer.status == status
        assert answer.headers.get("Connection") == "close"
        assert answer.body.startswith(str(status).encode())
        assert await wire.ended()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nEndless: ",
        b"GET / HTTP/1.1\r\nEndless",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: ",
    ],
)
async def test_a_line_without_end_is_refused_before_it_fills_the_memory(beginning: bytes) -> None:
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
            if any(connection._deaf for connection in served.server.connections):
                break
            assert sent < 20 * MEGABYTE
        assert sent <= 2 * MEGABYTE


async def test_headers_that_come_in_small_pieces_are_one_head() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for byte in post(b"slowly", "X-Some: header"):
            wire.send(bytes([byte]))
            await wire.drain()
        assert (await wire.answer()).body == b"slowly"


async def test_many_headers_keep_order_spelling_and_duplicates() -> None:
    async def show(request: Request) -> Response:
        return Response.json(200, request.headers.pairs)

    async with serving(show) as served:
        answer = await served.ask(b"GET / HTTP/1.1\r\nb: 1\r\nA: 2\r\nB:  3 \r\nx-Odd-CASE: \xe9\r\n\r\n")
        assert answer.body == b'[["b","1"],["A","2"],["B","3"],["x-Odd-CASE","\\u00e9"]]'


# -- versions, methods, framing


async def test_http_1_0_gets_its_answer_and_a_close() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await wire.answer()).headers.get("Connection") == "close"
        assert await wire.ended()


async def test_http_1_0_may_ask_to_be_kept() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await wire.answer()).headers.get("Connection") == "keep-alive"


async def numbers(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    return Response(200, (), parts())


async def test_a_streamed_answer_is_chunked_and_the_connection_kept() -> None:
    async with serving(numbers) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            answer = await wire.answer()
            assert (answer.headers.get("Transfer-Encoding"), answer.body) == ("chunked", b"one two")


async def test_a_streamed_answer_to_http_1_0_ends_with_the_connection() -> None:
    async with serving(numbers) as served:
        answer = await served.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert "Transfer-Encoding" not in answer.headers
        assert answer.body == b"one two"


async def test_head_gets_the_head_alone() -> None:
    async def whole(_request: Request) -> Response:
        return Response(200, (), b"body")

    for handler, header in ((whole, "Content-Length"), (numbers, "Transfer-Encoding")):
        async with serving(handler) as served:
            wire = await served.connect()
            for _ in range(2):
                wire.send(b"HEAD / HTTP/1.1\r\n\r\n")
                assert header in (await wire.answer("HEAD")).headers


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body_send_none(status: int) -> None:
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
                answer = await wire.answer()
                assert answer.status == status
                assert not {"Transfer-Encoding", "Content-Length"} & set(dict(answer.headers))


async def test_a_chunked_body_arrives_whole_and_its_trailers_are_no_headers() -> None:
    async def show(request: Request) -> Response:
        body = await request.body(100)
        return Response.json(200, [body.decode(), request.headers.pairs])

    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n"
    async with serving(show) as served:
        wire = await served.connect()
        wire.send(data)
        assert (await wire.answer()).body == b'["hello!",[["Transfer-Encoding","chunked"]]]'
        for byte in data:
            wire.send(bytes([byte]))
            await wire.drain()
        assert (await wire.answer()).body == b'["hello!",[["Transfer-Encoding","chunked"]]]'


async def test_a_target_in_absolute_form_has_a_path() -> None:
    async def show(request: Request) -> Response:
        return Response.text(200, f"{request.path}|{request.query}")

    async with serving(show) as served:
        assert (
            await served.ask(b"GET http://h:1/a/b?c=http://d HTTP/1.1\r\n\r\n")
        ).body == b"/a/b|c=http://d"
        assert (await served.ask(b"GET http://h HTTP/1.1\r\n\r\n")).body == b"/|"
        assert (await served.ask(b"GET /a?b=http://c/d HTTP/1.1\r\n\r\n")).body == b"/a|b=http://c/d"


@pytest.mark.parametrize("split", [0, 1, 20])
@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: 5", b"hello"), ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
async def test_a_request_to_upgrade_is_ignored_and_loses_no_body(
    framing: str, body: bytes, split: int
) -> None:
    head = f"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n{framing}\r\n\r\n"
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(head.encode() + body[:split])
        await wire.drain()
        await asyncio.sleep(0.01)
        wire.send(body[split:] + GET)
        answer = await wire.answer()
        assert (answer.status, answer.body) == (200, b"hello")
        assert answer.headers.get("X-Line") == "POST / 1.1"
        assert (await wire.answer()).status == 200, "the connection goes on in plain HTTP"


async def test_connect_is_a_request_like_others() -> None:
    async with serving(echo) as served:
        answer = await served.ask(b"CONNECT a.example:80 HTTP/1.1\r\n\r\n")
        assert answer.headers.get("X-Line") == "CONNECT a.example:80 1.1"


# -- bodies


async def test_100_continue_is_said_when_the_handler_wants_the_body() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        head, body = post(b"wanted", "Expect: 100-continue").split(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert (await wire.head()).status == 100
        wire.send(body)
        assert (await wire.answer()).body == b"wanted"


async def test_a_body_that_is_refused_is_not_asked_for() -> None:
    async def refuse(request: Request) -> Response:
        await request.body(10)
        raise AssertionError

    async with serving(refuse) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 100, "Expect: 100-continue").split(b"xxx")[0])
        assert (await wire.answer()).status == 413
        assert await wire.ended()


async def test_an_early_413_can_be_read_by_a_client_that_is_still_sending() -> None:
    async def small(request: Request) -> Response:
        async for _ in request.stream():
            raise BodyTooLargeError(1)
        raise AssertionError

    async with serving(small) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 30 * MEGABYTE))
        answer = await wire.answer()
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


async def test_a_body_that_stops_half_way_is_answered_with_408() -> None:
    async with serving(echo) as served:
        wire = await served.connect()
        wire.send(post(b"x" * 100)[:-50])
        await eventually_async(lambda: any(c.task for c in served.server.connections))
        served.let_deadlines_pass()
        assert (await wire.answer()).status == 408
        assert await wire.ended()


async def test_a_head_that_stops_half_way_is_answered_with_408() -> None:
    async with serving(echo, read_seconds=0.2) as served:
        wire = await served.connect()
        wire.send(GET + b"GET / HTT")
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 408
        assert await wire.ended()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with serving(echo, read_seconds=0.1, idle_seconds=0.1) as served:
        silent, idle = await served.connect(), await served.connect()
        idle.send(GET)
        assert (await idle.answer()).status == 200
        assert await silent.ended()
        assert await idle.ended()


async def test_a_client_is_not_blamed_for_a_slow_handler() -> None:
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
        answer = await wire.answer()
        assert (answer.status, len(answer.body)) == (200, len(body))


async def test_a_client_that_closes_half_way_ends_the_handler() -> None:
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


async def test_a_client_that_goes_away_cancels_its_handler() -> None:
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


# -- answers


def endless(produced: list[int], closed: asyncio.Event) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                produced[0] += 65536
                yield b"x" * 65536
        finally:
            closed.set()

    return Response(200, (), parts())


async def test_a_slow_reader_holds_back_the_handler_and_is_cut_when_it_stops() -> None:
    produced, closed = [0], asyncio.Event()

    async def stream(_request: Request) -> Response:
        return endless(produced, closed)

    async with serving(stream) as served:
        wire = await served.connect()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(GET)
        await eventually_async(lambda: any(c._writable for c in served.server.connections))
        first = produced[0]
        assert first < 16 * MEGABYTE  # what the two socket buffers took
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await wire.reader.readexactly(2 * MEGABYTE)
        await eventually_async(lambda: produced[0] > first)
        assert not closed.is_set()

        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually_async(lambda: any(c._writable for c in served.server.connections))
        # Reading even a little between two looks at the clock keeps it.
        for connection in served.server.connections:
            connection._unsent += 1
        served.let_deadlines_pass()
        assert not closed.is_set()
        served.let_deadlines_pass()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_stream_ends_when_its_reader_goes_away() -> None:
    produced, closed = [0], asyncio.Event()

    async def stream(_request: Request) -> Response:
        return endless(produced, closed)

    async with serving(stream) as served:
        wire = await served.connect()
        wire.send(GET)
        await wire.reader.readexactly(100_000)
        await wire.close()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_large_streamed_answer_arrives_whole() -> None:
    async def stream(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for number in range(400):
                yield bytes([number % 256]) * 100_000

        return Response(200, [("Content-Length", "40000000")], parts())

    async with serving(stream) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            body = (await wire.answer()).body
            assert body == b"".join(bytes([number % 256]) * 100_000 for number in range(400))


@pytest.mark.parametrize("length", ["5", "50", None])
async def test_a_stream_that_breaks_is_cut_so_that_nobody_takes_it_for_whole(length: str | None) -> None:
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
            assert await wire.ended(), "not one byte of a body that is too long"
        else:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
                await wire.answer()
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
async def test_an_answer_that_cannot_be_sent_is_a_500(response: Response) -> None:
    async def handler(_request: Request) -> Response:
        return Response(response.status, response.headers.copy(), response.body)

    async def streamed(request: Request) -> Response:
        return Response(response.status, response.headers.copy(), (await numbers(request)).body)

    for each in (handler, streamed):
        async with serving(each) as served:
            answer = await served.ask(GET)
            assert answer.status == 500
            assert "Injected" not in answer.headers
            assert len(served.errors) == 1


async def test_a_handler_that_fails_is_a_500_that_tells_the_client_nothing() -> None:
    async def fail(_request: Request) -> Response:
        raise RuntimeError("a secret")

    async with serving(fail) as served:
        wire = await served.connect()
        for _ in range(2):
            wire.send(GET)
            answer = await wire.answer()
            assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
        assert served.errors == ["RuntimeError('a secret')"] * 2


async def test_a_handler_that_cancels_itself_cuts_its_connection() -> None:
    async def cancelled(_request: Request) -> Response:
        raise asyncio.CancelledError

    async with serving(cancelled) as served:
        wire = await served.connect()
        wire.send(GET)
        assert await wire.ended()


async def test_a_handler_that_hangs_up_closes_its_connection_without_a_word() -> None:
    async def hang_up(request: Request) -> Response:
        if request.method == "POST":
            return await echo(request)
        raise HangUpError

    async with serving(hang_up) as served:
        wire = await served.connect()
        wire.send(post(b"before") + GET + post(b"after"))
        assert (await wire.answer()).body == b"before"
        assert await wire.ended()
        assert served.errors == []


async def test_a_body_that_hangs_up_keeps_what_has_been_sent_and_closes() -> None:
    async def stream(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"the first part"
            raise HangUpError

        return Response(200, (), parts())

    async with serving(stream) as served:
        wire = await served.connect()
        wire.send(GET)
        await wire.head()
        assert await wire.reader.read() == b"e\r\nthe first part\r\n", "and no chunk that says: the end"
        assert served.errors == []


@pytest.mark.parametrize("seconds", [0, 951782399, 951782400, 1_787_392_800, 4_102_444_799])
def test_dates_are_written_as_http_does(seconds: int) -> None:
    assert http_date(seconds) == email.utils.formatdate(seconds, usegmt=True)


# -- start and stop


async def test_stop_lets_answers_finish_and_closes_what_is_idle() -> None:
    hold, began = asyncio.Event(), asyncio.Event()

    async def held(request: Request) -> Response:
        if request.path == "/held":
            began.set()
            await hold.wait()
        return Response(200, (), b"done")

    async with serving(held) as served:
        idle, busy = await served.connect(), await served.connect()
        idle.send(GET)
        await idle.answer()
        busy.send(b"GET /held HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(began.wait(), 5)
        stopping = asyncio.create_task(served.server.stop(10))
        assert await idle.ended()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await served.ask(GET)
        hold.set()
        answer = await busy.answer()
        assert (answer.body, answer.headers.get("Connection")) == (b"done", "close")
        async with asyncio.timeout(5):
            await stopping


async def test_stop_cuts_what_outlives_the_grace_and_waits_for_its_cleanup() -> None:
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


async def test_a_taken_port_is_an_error_unless_any_will_do() -> None:
    async with serving(echo) as served:
        other = HttpServer(echo)
        with pytest.raises(OSError, match="in use"):
            await other.start(port=served.port)
        _, port = await other.start(port=served.port, fallback=True)
        assert port not in (0, served.port)
        await other.stop(1)


async def test_hundreds_of_connections_at_once_are_all_served() -> None:
    async with serving(echo) as served:

        async def one(number: int) -> None:
            body = b"%d" % number
            assert (await served.ask(post(body))).body == body

        await asyncio.gather(*map(one, range(300)))
