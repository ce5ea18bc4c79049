"""The HTTP client with correct, broken and slow servers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from eventually import eventually_async
from wire import TIMEOUT, Wire, scripted_server, serving

from labkit_services.contract.errors import InvalidValueError
from labkit_services.http import HttpClient, Origin, Request, Response, UpstreamError

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The services run on uvloop if it is installed, else on asyncio."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    client.close()
    await eventually_async(lambda: not client._all, "every connection is closed")


async def read_request(wire: Wire) -> bytes:
    """Return the bytes of one request, which is not chunked."""
    head = await wire.reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return head + await wire.reader.readexactly(length)


def always(answer: bytes, *, then_close: bool = False):  # type: ignore[no-untyped-def]
    async def script(wire: Wire) -> None:
        while True:
            await read_request(wire)
            wire.send(answer)
            await wire.drain()
            if then_close:
                return

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


# -- connections


async def test_sequential_requests_share_one_connection(client: HttpClient) -> None:
    async with scripted_server(always(OK)) as server:
        for _ in range(10):
            assert await (await client.request("POST", server.url, (), b"body")).read() == b"ok"
        assert server.connections == 1


async def test_concurrent_requests_open_connections_that_later_ones_reuse(client: HttpClient) -> None:
    async with scripted_server(always(OK)) as server:

        async def ask() -> bytes:
            return await (await client.request("GET", server.url)).read()

        for _ in range(3):
            assert await asyncio.gather(*[ask() for _ in range(20)]) == [b"ok"] * 20
        assert server.connections == 20


async def test_an_idle_connection_that_the_server_closed_is_not_used(client: HttpClient) -> None:
    """A POST on it would be lost, and must not be sent twice."""
    async with scripted_server(always(OK, then_close=True)) as server:
        for _ in range(200):
            assert await (await client.request("POST", server.url, (), b"x")).read() == b"ok"
        assert server.connections == 200


async def test_an_unexpected_second_response_closes_the_connection(client: HttpClient) -> None:
    async with scripted_server(always(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")) as server:
        for _ in range(5):
            assert await (await client.request("GET", server.url)).read() == b"ok"
        assert server.connections == 5


async def test_a_response_with_connection_close_ends_the_connection(client: HttpClient) -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with scripted_server(always(answer)) as server:
        for _ in range(3):
            assert await (await client.request("GET", server.url)).read() == b"ok"
        assert server.connections == 3


async def test_a_large_unread_response_does_not_block_later_requests(client: HttpClient) -> None:
    async def large(_request: Request) -> Response:
        return Response(200, (), b"x" * 600_000)

    async with serving(large) as served:
        url = f"http://{served.host}:{served.port}/"
        for _ in range(5):
            async with asyncio.timeout(TIMEOUT):
                response = await client.request("GET", url)
                response.close()
                response = await client.request("GET", url)
                await eventually_async(
                    lambda response=response: response.incoming.full or response.incoming.complete
                )
                response = await client.request("GET", url)
                assert len(await response.read()) == 600_000


async def test_dropping_an_origin_closes_its_idle_connections(client: HttpClient) -> None:
    async with scripted_server(always(OK)) as server:
        await (await client.request("GET", server.url)).read()
        client.drop(Origin.parse(server.url)[0])
        await eventually_async(lambda: not client._all)
        await (await client.request("GET", server.url)).read()
        assert server.connections == 2


async def test_a_refused_connection_is_an_upstream_error_with_go_s_text(client: HttpClient) -> None:
    async with scripted_server(always(OK)) as server:
        pass
    with pytest.raises(UpstreamError, match=r"dial tcp 127\.0\.0\.1:\d+: .*[Cc]onnect"):
        await client.request("GET", server.url)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "a..b"])
async def test_a_host_that_does_not_exist_is_an_upstream_error(client: HttpClient, host: str) -> None:
    with pytest.raises(UpstreamError, match="dial tcp"):
        await client.request("GET", f"http://{host}/")


# -- answers


async def test_a_response_without_length_ends_with_the_connection(client: HttpClient) -> None:
    async with scripted_server(always(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True)) as server:
        response = await client.request("GET", server.url)
        assert await response.read() == b"all of it"


async def test_a_response_without_length_that_is_reset_is_an_error(client: HttpClient) -> None:
    read = asyncio.Event()

    async def script(wire: Wire) -> None:
        await read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\n\r\npart of it")
        await read.wait()
        # To linger for no time at all makes close() send a reset.
        wire.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        wire.writer.transport.abort()

    async with scripted_server(script) as server:
        response = await client.request("GET", server.url)
        parts = response.stream()
        assert await anext(parts) == b"part of it"
        read.set()
        with pytest.raises(UpstreamError, match="reset"):
            await anext(parts)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nnonsense\r\n",
    ],
)
async def test_a_truncated_response_is_an_error(client: HttpClient, answer: bytes) -> None:
    async with scripted_server(always(answer, then_close=True)) as server:
        with pytest.raises(UpstreamError):
            await (await client.request("GET", server.url)).read()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"200 OK\n\n",
        b"HTTP/1.1 200 OK\n",
        b"HTTP/1.1 20 OK\n\n",
        b"HTTP/1.1 200 OK\nno header\n\n",
        b"HTTP/1.1 200 OK\rA: b\r\r",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nEndless: " + b"x" * 600_000,
    ],
)
async def test_a_malformed_response_is_an_upstream_error(client: HttpClient, answer: bytes) -> None:
    async with scripted_server(always(answer, then_close=True)) as server:
        with pytest.raises(UpstreamError, match=r"127\.0\.0\.1"):
            await client.request("GET", server.url)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [  # as Go's client reads them (measured with Go 1.19)
        (b"HTTP/1.1 200 OK\n\n", 200, b""),
        (b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nok", 200, b"ok"),
        (b"HTTP/1.1 201 Created\nContent-Length: 2\n\nok", 201, b"ok"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\nA: b\r\n\nok", 200, b"ok"),
        (b"HTTP/1.1 200\n\n", 200, b""),
        (b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\n\n", 200, b""),
        (b"HTTP/1.1 204 No Content\nContent-Length: 5\n\nhello", 204, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\nX-T: 1\r\n\r\n", 200, b"ok"),
    ],
)
async def test_a_response_whose_lines_end_with_lf_is_read_as_by_go(
    client: HttpClient, answer: bytes, status: int, body: bytes
) -> None:
    async with scripted_server(always(answer, then_close=True)) as server:
        response = await client.request("POST", server.url, (), b"x")
        assert (response.status, await response.read()) == (status, body)


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"HTTP/1.1 200 OK\r\nA: ", b"x" * 1000),
        (b"HTTP/1.1 200 OK\r\n", b"A: x\r\n" * 100),
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 10),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: ", b"x" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"T: x\r\n" * 100),
    ],
    ids=["header", "headers", "reason", "interim responses", "chunk extension", "trailer", "trailers"],
)
async def test_a_response_whose_head_or_trailer_never_ends_is_cut(
    client: HttpClient, start: bytes, part: bytes
) -> None:
    sent = 0

    async def server(wire: Wire) -> None:
        nonlocal sent
        await read_request(wire)
        wire.send(start)
        while True:
            wire.send(part)
            sent += len(part)
            await wire.drain()

    async with scripted_server(server) as made:
        with pytest.raises(UpstreamError, match="headers are more than"):
            await (await client.request("GET", made.url, (), b"")).read()
    assert sent < 20 * MEGABYTE


async def test_interim_responses_are_skipped(client: HttpClient) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with scripted_server(always(interim + OK)) as server:
        for _ in range(2):
            response = await client.request("POST", server.url, (), b"x")
            assert (response.status, response.headers.pairs) == (200, [("Content-Length", "2")])
            assert await response.read() == b"ok"
        assert server.connections == 1


async def test_a_response_to_head_has_no_body_despite_its_content_length(client: HttpClient) -> None:
    async with scripted_server(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as server:
        for _ in range(2):
            response = await client.request("HEAD", server.url)
            assert (await response.read(), response.headers.get("Content-Length")) == (b"", "1000")


@pytest.mark.parametrize("status", [204, 304])
async def test_204_and_304_have_no_body_and_keep_the_connection(client: HttpClient, status: int) -> None:
    async with scripted_server(always(b"HTTP/1.1 %d X\r\nContent-Length: 7\r\n\r\n" % status)) as server:
        for _ in range(3):
            response = await client.request("GET", server.url)
            assert (response.status, await response.read()) == (status, b"")
        if status == 304:
            assert server.connections == 1


async def test_headers_keep_order_spelling_and_duplicates(client: HttpClient) -> None:
    async with scripted_server(
        always(b"HTTP/1.1 200 OK\r\nb: 1\r\nA:2 \r\nB: 3\r\nContent-Length: 0\r\n\r\n")
    ) as server:
        response = await client.request("GET", server.url)
        assert response.headers.pairs == [("b", "1"), ("A", "2"), ("B", "3"), ("Content-Length", "0")]


async def test_a_large_response_is_streamed_with_constant_memory(client: HttpClient) -> None:
    async def large(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(400):
                yield b"x" * 100_000

        return Response(200, (), parts())

    async with serving(large) as served:
        response = await client.request("GET", f"http://{served.host}:{served.port}/")
        await eventually_async(lambda: response.incoming.full, "the sender is paused")
        size = peak = 0
        async for part in response.stream():
            size += len(part)
            peak = max(peak, len(part))
        assert size == 40_000_000
        assert peak <= 2 * MEGABYTE


# -- requests


async def test_a_streamed_body_is_chunked_and_empty_parts_do_not_end_it(client: HttpClient) -> None:
    async def echo(request: Request) -> Response:
        framing = request.headers.get("Transfer-Encoding") or request.headers.get("Content-Length")
        return Response(200, [("X-Framing", framing)], await request.body(100))

    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    async with serving(echo) as served:
        url = f"http://{served.host}:{served.port}/"
        for headers, framing in (((), "chunked"), ([("Content-Length", "7")], "7")) * 2:
            response = await client.request("POST", url, headers, parts())
            assert (response.headers.get("X-Framing"), await response.read()) == (framing, b"one two")
        assert len(served.server.connections) == 1, "the connection is reused"


@pytest.mark.parametrize("announced", ["3", "30"])
async def test_a_streamed_body_that_differs_from_its_content_length_is_an_error(
    client: HttpClient, announced: str
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"ten bytes."

    async def hang(wire: Wire) -> None:
        await wire.reader.read()

    async with scripted_server(hang) as server:
        with pytest.raises(ValueError, match="Content-Length"):
            await client.request("POST", server.url, [("Content-Length", announced)], parts())


async def test_an_error_in_the_body_s_source_is_raised_by_the_request(client: HttpClient) -> None:
    seen: list[bytes] = []

    async def swallow(wire: Wire) -> None:
        try:
            while data := await wire.reader.read(1000):
                seen.append(data)
        finally:
            seen.append(b"the end")

    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        raise LookupError("the source ran dry")

    async with scripted_server(swallow) as server:
        with pytest.raises(LookupError, match="ran dry"):
            await client.request("POST", server.url, (), parts())
        await eventually_async(lambda: seen and seen[-1] == b"the end")
        assert b"0\r\n\r\n" not in b"".join(seen)


async def test_a_lost_server_closes_the_body_s_source(client: HttpClient) -> None:
    released = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"part"
            await asyncio.Event().wait()
        finally:
            released.set()

    async def die(wire: Wire) -> None:
        await wire.reader.readuntil(b"part")

    async with scripted_server(die) as server:
        with pytest.raises(UpstreamError):
            await client.request("POST", server.url, (), parts())
        await asyncio.wait_for(released.wait(), 5)


async def test_a_response_before_the_end_of_the_body_is_returned(client: HttpClient) -> None:
    async def refuse(request: Request) -> Response:
        async for _ in request.stream():
            return Response.text(413, "too large")
        raise AssertionError

    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async with serving(refuse) as served:
        response = await client.request("POST", f"http://{served.host}:{served.port}/", (), parts())
        assert (response.status, await response.read()) == (413, b"too large")
        await eventually_async(lambda: not client._all, "the unfinished request is cut")


async def test_a_slow_server_pauses_the_body_s_source(client: HttpClient) -> None:
    produced = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(1000):
            produced += 65536
            yield b"x" * 65536

    hold = asyncio.Event()

    async def late(request: Request) -> Response:
        await hold.wait()
        size = 0
        async for part in request.stream():
            size += len(part)
        return Response(200, (), str(size).encode())

    async with serving(late) as served:
        asking = asyncio.create_task(
            client.request("POST", f"http://{served.host}:{served.port}/", (), parts())
        )
        await eventually_async(lambda: any(c.writable is not None for c in client._all))
        assert produced < 20 * MEGABYTE
        hold.set()
        async with asyncio.timeout(TIMEOUT):
            assert await (await asking).read() == b"65536000"


async def test_a_timeout_cuts_the_connection(client: HttpClient) -> None:
    ended = asyncio.Event()

    async def mute(wire: Wire) -> None:
        await read_request(wire)
        try:
            await wire.reader.read()
        finally:
            ended.set()

    async with scripted_server(mute) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.request("GET", server.url)
        await asyncio.wait_for(ended.wait(), 5)


async def test_closing_an_incomplete_response_cuts_the_connection(client: HttpClient) -> None:
    async with scripted_server(always(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")) as server:
        response = await client.request("GET", server.url)
        response.close()
        with pytest.raises(UpstreamError):
            await response.read()
        await eventually_async(lambda: not client._all)


ODD = b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1  200 OK\r\nX-A : 1\r\n 2\r\n"
ODD += b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nok"


@pytest.mark.parametrize("size", [1, 7, len(ODD)])
async def test_a_head_that_only_go_reads_is_read_in_any_pieces(client: HttpClient, size: int) -> None:
    async def script(wire: Wire) -> None:
        for _ in range(2):
            await read_request(wire)
            for start in range(0, len(ODD), size):
                wire.send(ODD[start : start + size])
                await wire.drain()
                await asyncio.sleep(0)

    async with scripted_server(script) as server:
        for _ in range(2):  # on one connection
            response = await client.request("GET", server.url)
            assert (response.status, response.headers.get("X-A")) == (200, "1 2")
            assert await response.read() == b"ok"
        assert len(client._all) == 1


async def test_a_head_that_go_refuses_is_an_error_at_once(client: HttpClient) -> None:
    async with scripted_server(always(b"hello\n")) as server:
        with pytest.raises(UpstreamError, match='malformed HTTP response "hello"'):
            await client.request("GET", server.url)


async def test_a_refused_head_that_never_ends_is_cut_off(client: HttpClient) -> None:
    endless = b"HTTP/1.1 200 OK\r\nA : b\r\n" + b"x: y\r\n" * 100_000
    async with scripted_server(always(endless)) as server:
        with pytest.raises(UpstreamError, match="its headers are more than"):
            await client.request("GET", server.url)


@pytest.mark.parametrize(
    ("name", "value"), [("X-A", "b\r\nX-Evil: 1"), ("X-A\r\nX-Evil", "1"), ("X-A", "b\nc"), ("X-A", "b\rc")]
)
async def test_a_header_with_a_line_break_is_an_error(client: HttpClient, name: str, value: str) -> None:
    async with scripted_server(always(OK)) as server:
        with pytest.raises(ValueError, match="line break"):
            await client.request("GET", server.url, [(name, value)])


async def test_a_target_with_a_line_break_is_an_error(client: HttpClient) -> None:
    async with scripted_server(always(OK)) as server:
        origin, _ = Origin.parse(server.url)
        with pytest.raises(ValueError, match="line break"):
            await client.send(origin, "GET", "/ HTTP/1.1\r\n\r\nGET /evil")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h", "/"),
        ("http://h?q", "/?q"),
        ("http://h/a b/é?x=ü y#fragment", "/a%20b/%C3%A9?x=%C3%BC%20y"),
        ("http://h/a%20b?c=%2F&d=[e]", "/a%20b?c=%2F&d=[e]"),
    ],
)
def test_the_target_of_a_url_is_encoded_as_browsers_do(url: str, target: str) -> None:
    assert Origin.parse(url)[1] == target


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://h:80/", "h"),
        ("https://h:443/", "h"),
        ("https://h:80/", "h:80"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("http://user:password@H/", "h"),
    ],
)
def test_the_authority_leaves_out_the_default_port(url: str, authority: str) -> None:
    assert Origin.parse(url)[0].authority == authority


@pytest.mark.parametrize(
    "url", ["", "h", "/path", "ftp://h/", "http://", "http://h:port/", "http://h:99999/", "http://[::1"]
)
def test_an_invalid_url_is_an_invalid_value_error(url: str) -> None:
    with pytest.raises(InvalidValueError):
        Origin.parse(url)
