"""One client's connection to the server: requests in, answers out, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools

from services.http.body import Body
from services.http.headers import Headers, Pair
from services.http.message import HttpError, Request, Response
from services.http.server import HttpServer
from services.http.wire import STATUS_LINES, date_header, encode_head

_LINGER_SECONDS = 2.0
"""How long a refused sender may go on sending, so that it gets to read the answer."""

_NEVER = float("inf")


class Connection(asyncio.Protocol):
    """Parses requests and runs one handler at a time; later ones wait their turn."""

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.peer: tuple[str, int] = ("", 0)
        self.task: asyncio.Task[None] | None = None
        self.deadline = loop.time() + server.limits.read_seconds
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._closing = False
        self._paused = False
        self._refusal: HttpError | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reset_message()

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        peer = self.transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = (peer[0], peer[1])
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self._waiting.clear()
        if self._body is not None:
            self._body.fail(ConnectionResetError("the client went away in the middle of its request"))
        if self.task is not None:
            self.task.cancel()
        self._resume_writer()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return  # a refused sender that has not yet noticed
        limits = self.server.limits
        self.deadline = self.loop.time() + limits.read_seconds
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Upgrades are not offered: answer in plain HTTP, as RFC 9110 §7.8 allows.
            self._closing = True
        except httptools.HttpParserError:
            self._refuse(self._refusal or HttpError(400, "400 Bad Request"))
            return
        if self.task is None:
            self._next()
        elif self._waiting and not self._paused:
            # Pipelined requests wait in the socket, not in memory.
            self._paused = True
            self.transport.pause_reading()

    def eof_received(self) -> None:
        return None  # close: nobody is left to read the answer

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        self._resume_writer()

    def _resume_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- the parser's calls

    def _reset_message(self) -> None:
        self._target = b""
        self._pairs: list[Pair] = []
        self._header_bytes = 0
        self._body: Body | None = None

    def on_message_begin(self) -> None:
        self._reset_message()

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self.server.limits.target_bytes:
            self._refusal = HttpError(414, "414 URI Too Long")
            raise self._refusal

    def on_header(self, name: bytes, value: bytes) -> None:
        limits = self.server.limits
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > limits.header_bytes or len(self._pairs) >= limits.header_count:
            self._refusal = HttpError(431, "431 Request Header Fields Too Large")
            raise self._refusal
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._body = Body(self.transport)
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            Headers(self._pairs),
            self._body,
            http_version=self._parser.get_http_version(),
            peer=self.peer,
        )
        if request.http_version == "1.1" and request.headers.get("Expect").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waiting.append((request, self._parser.should_keep_alive()))

    def on_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is not None:
            self._body.finish()

    # -- one request after the other

    def _next(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        if self._waiting:
            request, keep_alive = self._waiting.popleft()
            if request.incoming.complete:
                self.deadline = _NEVER
            self.task = self.loop.create_task(self._run(request, keep_alive))
        else:
            self.task = None
            if self._body is None or self._body.complete:
                self.deadline = self.loop.time() + self.server.limits.idle_seconds

    async def _run(self, request: Request, keep_alive: bool) -> None:
        try:
            response = await self.server.handler(request)
        except HttpError as error:
            response = error.response()
        except ConnectionResetError:
            # Our reader of the body, or a peer of ours, was cut off: if it was
            # this client, nobody reads the answer, and writing it does no harm.
            response = Response.text(502, "connection lost\n")
        except Exception as error:
            if self.server.on_error is not None:
                self.server.on_error(request, error)
            response = Response.text(500, "Internal Server Error\n")
        if self.server.stopping or not request.incoming.complete:
            keep_alive = False
        keep_alive = keep_alive and not self._closing
        try:
            if isinstance(response.body, bytes):
                self._write_whole(request, response, keep_alive)
            else:
                keep_alive = await self._write_stream(request, response, response.body, keep_alive)
        except (ValueError, OSError) as error:
            if self.server.on_error is not None:
                self.server.on_error(request, error)
            self.abort()
            return
        self.task = None
        if keep_alive:
            self._next()
        else:
            self._end(linger=not request.incoming.complete)

    def _write_whole(self, request: Request, response: Response, keep_alive: bool) -> None:
        body = response.body
        assert isinstance(body, bytes)
        extra = date_header()
        if response.status not in (204, 304) and not 100 <= response.status < 200:
            # A HEAD answer announces what GET would have sent, if the handler says so.
            if not (request.method == "HEAD" and "Content-Length" in response.headers):
                extra += f"Content-Length: {len(body)}\r\n"
                response.headers.remove("Content-Length")
        else:
            body = b""
        if not keep_alive:
            extra += "Connection: close\r\n"
        elif request.http_version == "1.0":
            extra += "Connection: keep-alive\r\n"
        head = encode_head(STATUS_LINES[response.status], response.headers, extra)
        self.transport.write(head if request.method == "HEAD" else head + body)

    async def _write_stream(
        self, request: Request, response: Response, parts: AsyncIterator[bytes], keep_alive: bool
    ) -> bool:
        has_length = "Content-Length" in response.headers
        chunked = not has_length and request.http_version == "1.1"
        keep_alive = keep_alive and (has_length or chunked)
        extra = date_header()
        if chunked:
            extra += "Transfer-Encoding: chunked\r\n"
        if not keep_alive:
            extra += "Connection: close\r\n"
        try:
            self.transport.write(encode_head(STATUS_LINES[response.status], response.headers, extra))
            if request.method != "HEAD":
                async for part in parts:
                    if part:
                        self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                    if self._writable is not None:
                        await self._writable
                if chunked:
                    self.transport.write(b"0\r\n\r\n")
        finally:
            if close := getattr(parts, "aclose", None):
                await close()
        return keep_alive

    # -- the end

    def _refuse(self, refusal: HttpError) -> None:
        """Answer what can't be parsed; if an answer is under way, just close after it."""
        self._closing = True
        if self._body is not None:
            self._body.fail(refusal)
        if self.task is None:
            response = refusal.response()
            extra = f"{date_header()}Content-Length: {len(response.body)}\r\nConnection: close\r\n"  # type: ignore[arg-type]
            head = encode_head(STATUS_LINES[refusal.status], response.headers, extra)
            self.transport.write(head + response.body)  # type: ignore[operator]
            self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close; a client that is still sending would lose the answer to a reset, so wait for it a little."""
        self._closing = True
        self.deadline = self.loop.time() + _LINGER_SECONDS
        if linger and self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.resume_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def expire(self) -> None:
        """Act on a passed deadline: refuse a request that stalls, close what is idle."""
        if self._body is not None and not self._body.complete and not self._closing:
            stalled = HttpError(408, "408 Request Timeout")
            self._body.fail(stalled)
            self.deadline = _NEVER
            if self.task is None:
                self._refuse(stalled)
        elif self.task is None:
            if self._target and self._body is None and not self._closing:
                self._refuse(HttpError(408, "408 Request Timeout"))
            else:
                self.transport.close()

    def finish_up(self) -> None:
        """Close now if idle, else after the answer under way."""
        if self.task is None:
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()
