"""One connection to another server, used for one request at a time."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable

import httptools

from labkit_services.http.body import Body
from labkit_services.http.connection import Connection
from labkit_services.http.encoding import BODILESS, encode_head
from labkit_services.http.errors import UpstreamError
from labkit_services.http.headers import Headers, Pair
from labkit_services.http.lenient_head import repaired
from labkit_services.http.origin import Origin

_HEAD_BYTES = 256 * 1024
"""Limit for all headers of a response, and for what is between two parts of
its body or behind it: chunk extensions, trailers. A server that sends more is
broken, and the parser would keep it in memory."""


class ClientResponse:
    """A response: its head has arrived, its body may still be on its way."""

    __slots__ = ("_transport", "headers", "incoming", "status")

    def __init__(self, status: int, headers: Headers, incoming: Body, transport: asyncio.Transport) -> None:
        self.status = status
        self.headers = headers
        self.incoming = incoming
        self._transport = transport

    async def read(self) -> bytes:
        """Return the whole body."""
        return await self.incoming.read()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; leaving early cuts the connection."""
        try:
            async for part in self.incoming:
                yield part
        finally:
            self.close()

    def close(self) -> None:
        """Cut the connection if the body is incomplete."""
        if not self.incoming.complete:
            self._transport.abort()


class ClientConnection(Connection):
    """Writes a request, reads the response, and returns to the pool."""

    def __init__(
        self,
        origin: Origin,
        loop: asyncio.AbstractEventLoop,
        on_idle: Callable[[ClientConnection], None],
        on_lost: Callable[[ClientConnection], None],
    ) -> None:
        super().__init__(loop)
        self.origin = origin
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._poll = select.poll()
        # The current exchange: first the head is awaited, then the body.
        self._head: asyncio.Future[ClientResponse] | None = None
        self._body: Body | None = None
        self._method = ""
        self._pairs: list[Pair] = []
        self._unread_bytes = 0  # since the last part of a body
        self._reusable = True
        self._until_eof = False
        self._sender: asyncio.Task[None] | None = None
        self._parser = self._new_parser()
        self._received = b""  # of a head that is incomplete
        self._is_refused = False

    def _new_parser(self) -> httptools.HttpResponseParser:
        """Return a parser that reads what small servers send.

        A script behind netcat ends lines with LF. Go's client accepts that,
        and spaces after a chunk's size.
        """
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        return parser

    def usable(self) -> bool:
        """Return whether the server still keeps the idle connection open.

        A server may close it at any time, and a request written then is lost.
        The end may be waiting in the socket, unseen by the loop, so ask the
        socket: an idle one is readable only if it has ended, or is broken.
        """
        return not self.transport.is_closing() and not self._poll.poll(0)

    async def exchange(
        self, method: str, target: str, pairs: list[Pair], body: bytes | AsyncIterator[bytes]
    ) -> ClientResponse:
        """Send a request, and return once the response's head has arrived.

        See ``HttpClient.send``; a line break in the target or a header raises
        ValueError.
        """
        if self.transport.is_closing():
            raise self._lost(None)
        line = f"{method} {target} HTTP/1.1\r\n"
        if isinstance(body, bytes):
            # Like Go's client: GET or HEAD without a body has no
            # Content-Length.
            length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT", "PATCH") else ""
            self.transport.write(encode_head(line, pairs, length) + body)
        self._method = method
        self._unread_bytes = 0
        head: asyncio.Future[ClientResponse] = self.loop.create_future()
        self._head = head
        if not isinstance(body, bytes):
            # The server may answer before it has read everything.
            self._sender = self.loop.create_task(
                self._send_stream(line, pairs, body), name="http request body"
            )
        return await head

    async def _send_stream(self, line: str, pairs: list[Pair], parts: AsyncIterator[bytes]) -> None:
        try:
            length = Headers(pairs).get("Content-Length")
            extra = "" if length else "Transfer-Encoding: chunked\r\n"
            self.transport.write(encode_head(line, pairs, extra))
            await self.write_parts(parts, int(length) if length else None, chunked=not length)
        except Exception as error:  # of the source of the body: the request can't be completed
            self._fail(error)
            self.abort()

    def _fail(self, error: Exception) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        elif self._body is not None:
            self._body.fail(error)

    def _lost(self, cause: Exception | None) -> UpstreamError:
        return UpstreamError(f"connection to {self.origin.authority} lost: {cause or 'EOF'}")

    def _malformed(self, what: object) -> None:
        self._fail(UpstreamError(f"malformed HTTP response from {self.origin.authority}: {what}"))
        self.abort()

    # -- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(self)
        if self._until_eof and self._body is not None and exc is None:
            self._body.finish()
        self._fail(self._lost(exc))
        if self._sender is not None:
            self._sender.cancel()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        in_head = self._head is not None and not self._head.done()
        if in_head:
            self._received = self._received + data if self._received else data
        try:
            if not self._is_refused:
                self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._malformed("an upgrade that was not requested")
            return
        except httptools.HttpParserError as error:
            self._is_refused = in_head and self._head is not None and not self._head.done()
            if not self._is_refused:
                self._malformed(error)
                return
        if self._is_refused:
            self._repair()
        if self._head is None or self._head.done():
            self._received = b""
        if self._head is not None and self._unread_bytes > _HEAD_BYTES:
            self._malformed(f"its headers are more than {_HEAD_BYTES} bytes")

    def _repair(self) -> None:
        """Parse a head again that was refused, as Go would read it."""
        try:
            if (data := repaired(self._received)) is not None:
                self._is_refused = False
                self._parser = self._new_parser()
                self._parser.feed_data(data)
        except (ValueError, httptools.HttpParserError) as error:
            self._malformed(error)

    # -- called by the parser

    def on_message_begin(self) -> None:
        self._pairs = []
        if self._head is None:
            self.abort()  # a response without a request: what follows can't be trusted

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser strips blanks before a value, not those after it.
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 or self._head is None or self._head.done():
            return  # an interim response, or one that nobody waits for
        headers = Headers(self._pairs)
        body = Body(self.transport)
        self._reusable = self._parser.should_keep_alive()
        chunked = headers.get("Transfer-Encoding").lower().endswith("chunked")
        self._until_eof = not (chunked or "Content-Length" in headers or status in BODILESS)
        self._head.set_result(ClientResponse(status, headers, body, self.transport))
        if self._method == "HEAD":
            # The parser always expects a body, so it is not used again.
            body.finish()
            self._head = None
            self.loop.call_soon(self.transport.close)
        else:
            self._body = body

    def on_body(self, data: bytes) -> None:
        self._unread_bytes = 0
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is None:
            return
        self._body.finish()
        self._body = self._head = None
        if self._sender is not None and not self._sender.done():
            self.abort()  # still sending a body that nobody will read
        elif self._reusable and not self.transport.is_closing():
            self._on_idle(self)
        else:
            self.transport.close()
