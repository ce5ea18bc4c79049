"""One connection to another server, used for one exchange at a time."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from typing import Protocol, cast

import httptools

from labkit_services.http.body import Body
from labkit_services.http.headers import Headers, Pair
from labkit_services.http.origin import Origin
from labkit_services.http.wire import encode_head

_HEAD_BYTES = 256 * 1024
"""All of an answer's headers; a server that sends more is broken."""


class UpstreamError(ConnectionError):
    """The other side could not be reached, or broke off."""


class ConnectError(UpstreamError):
    """No connection came about: nothing was sent."""


class Pool(Protocol):
    """Who lent the connection."""

    def release(self, connection: ClientConnection) -> None:
        """Take back a connection whose exchange is over."""

    def forget(self, connection: ClientConnection) -> None:
        """Drop a connection that is gone."""


class ClientResponse:
    """An answer: its head is there, its body may still be on its way."""

    __slots__ = ("_connection", "headers", "incoming", "status")

    def __init__(self, status: int, headers: Headers, incoming: Body, connection: ClientConnection) -> None:
        self.status = status
        self.headers = headers
        self.incoming = incoming
        self._connection = connection

    async def read(self, limit: int | None = None) -> bytes:
        """Return the whole body, or its first ``limit`` bytes and drop the rest."""
        if self.incoming.complete and limit is None:
            return self.incoming.take()
        parts, size = [], 0
        async for part in self.incoming:
            parts.append(part)
            size += len(part)
            if limit is not None and size >= limit:
                self.close()
                break
        return b"".join(parts)[:limit]

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes; leaving early cuts the connection."""
        try:
            async for part in self.incoming:
                yield part
        finally:
            self.close()

    def close(self) -> None:
        """Let go: a body not yet complete is cut off, and the other side notices."""
        if not self.incoming.complete:
            self._connection.abort()


class ClientConnection(asyncio.Protocol):
    """Writes a request, reads its answer, and goes back to the pool."""

    def __init__(self, pool: Pool, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._pool = pool
        self._loop = loop
        self._poll = select.poll()
        self._parser = httptools.HttpResponseParser(self)
        # The exchange under way: first the head is awaited, then the body.
        self._head: asyncio.Future[ClientResponse] | None = None
        self._body: Body | None = None
        self._method = ""
        self._pairs: list[Pair] = []
        self._head_bytes = 0
        self._reusable = True
        self._until_eof = False
        self._sent = True
        self._sender: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    def usable(self) -> bool:
        """Tell whether the other side still holds the idle connection.

        A server may close it at any moment, and a request written then is
        lost. The end may be waiting in the socket, unseen by the loop, so ask
        the socket: it has something to read only if that, or worse, has come.
        """
        return not self.transport.is_closing() and not self._poll.poll(0)

    async def exchange(
        self, method: str, target: str, pairs: list[Pair], body: bytes | AsyncIterator[bytes]
    ) -> ClientResponse:
        """Send a request and return once the answer's head is there.

        Raises:
            UpstreamError: The connection broke before that.
            ValueError: A line break is where none may be.
        """
        if self.transport.is_closing():
            raise self._lost(None)
        line = f"{method} {target} HTTP/1.1\r\n"
        if isinstance(body, bytes):
            # Like Go's client: no length is announced for a body-less GET or HEAD.
            length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT", "PATCH") else ""
            self.transport.write(encode_head(line, pairs, length) + body)
        self._method = method
        self._head_bytes = 0
        head: asyncio.Future[ClientResponse] = self._loop.create_future()
        self._head = head
        if not isinstance(body, bytes):
            # The other side may answer before it has read everything.
            self._sent = False
            self._sender = self._loop.create_task(self._send_stream(line, pairs, body))
        return await head

    async def _send_stream(self, line: str, pairs: list[Pair], body: AsyncIterator[bytes]) -> None:
        try:
            length = Headers(pairs).get("Content-Length")
            missing = int(length) if length else None
            chunked = missing is None
            extra = "Transfer-Encoding: chunked\r\n" if chunked else ""
            self.transport.write(encode_head(line, pairs, extra))
            async for part in body:
                if self.transport.is_closing():
                    return
                if not part:
                    continue  # as a chunk it would mean the end
                if missing is not None:
                    missing -= len(part)
                    if missing < 0:
                        raise ValueError(f"the body is longer than its Content-Length of {length}")
                self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                if self._writable is not None:
                    await self._writable
            if missing:
                raise ValueError(f"the body is {missing} bytes shorter than its Content-Length of {length}")
            if chunked:
                self.transport.write(b"0\r\n\r\n")
            self._sent = True
        except Exception as error:  # whatever broke the source: the exchange can't go on
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

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport: don't check, believe.
        self.transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        if self._until_eof and self._body is not None and exc is None:
            self._body.finish()
        self._fail(self._lost(exc))
        if self._sender is not None:
            self._sender.cancel()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._malformed(error)
            return
        if self._head is not None and self._body is None:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._malformed(f"its headers are more than {_HEAD_BYTES} bytes")

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- the parser's calls

    def on_message_begin(self) -> None:
        self._pairs = []
        if self._head is None:
            self.abort()  # an answer that nobody asked for: what comes next can't be trusted

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser strips the blanks before a value, not those after it.
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 or self._head is None or self._head.done():
            return  # an interim answer, or one that nobody waits for
        headers = Headers(self._pairs)
        body = Body(self.transport)
        self._reusable = self._parser.should_keep_alive()
        chunked = headers.get("Transfer-Encoding").lower().endswith("chunked")
        self._until_eof = not (chunked or "Content-Length" in headers or status in (204, 304))
        self._head.set_result(ClientResponse(status, headers, body, self))
        if self._method == "HEAD":
            # The parser can't be told that no body follows, so it is not used again.
            body.finish()
            self._head = None
            self._loop.call_soon(self.transport.close)
        else:
            self._body = body

    def on_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is None:
            return
        self._body.finish()
        self._body = self._head = None
        if not self._sent:
            self.abort()  # still sending what nobody will read
        elif self._reusable and not self.transport.is_closing():
            self._pool.release(self)
        else:
            self.transport.close()
