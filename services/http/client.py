"""An HTTP/1.1 client with a keep-alive pool for each origin."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from services.contract.errors import InvalidValueError
from services.http.body import Body
from services.http.headers import Headers, Pair
from services.http.wire import encode_head

CONNECT_SECONDS = 10.0
_IDLE_PER_ORIGIN = 256


class UpstreamError(ConnectionError):
    """The other side could not be reached, or broke off."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads; the key of the pool."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """The ``Host`` header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> tuple[Origin, str]:
        """Split an absolute http or https URL into origin and target.

        Raises:
            InvalidValueError: It is something else.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidValueError(f"{url!r} is not a URL: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            scheme = parts.scheme
            raise InvalidValueError(
                f'unsupported protocol scheme "{scheme}"', expected="an http or https URL"
            )
        tls = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, port or (443 if tls else 80), tls), target


class ClientResponse:
    """An answer: its head is there, its body may still be on its way."""

    __slots__ = ("_connection", "headers", "incoming", "status")

    def __init__(self, status: int, headers: Headers, incoming: Body, connection: _ClientConnection) -> None:
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


class HttpClient:
    """Sends requests; reuses connections; follows no redirects."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[_ClientConnection]] = {}
        self._all: set[_ClientConnection] = set()
        self._tls: ssl.SSLContext | None = None

    async def request(
        self,
        method: str,
        url: str,
        headers: Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> ClientResponse:
        """Send to a URL; see ``send``."""
        origin, target = Origin.parse(url)
        return await self.send(origin, method, target, headers, body)

    async def send(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Iterable[Pair] = (),
        body: bytes | AsyncIterator[bytes] = b"",
    ) -> ClientResponse:
        """Send a request and return once the answer's head is there.

        ``Host`` and the framing headers are added; ``headers`` must hold
        neither, except that a streamed body may come with its ``Content-Length``.
        There is no deadline in here: wrap the call in ``asyncio.timeout``.
        A request that was cancelled cuts its connection.

        Raises:
            UpstreamError: No connection, or it broke before the answer's head.
        """
        connection = self._take_idle(origin) or await self._connect(origin)
        pairs = [("Host", origin.authority), *headers]
        try:
            return await connection.exchange(method, target, pairs, body)
        except BaseException:
            connection.abort()
            raise

    def _take_idle(self, origin: Origin) -> _ClientConnection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if not connection.is_closing():
                return connection
        return None

    async def _connect(self, origin: Origin) -> _ClientConnection:
        loop = asyncio.get_running_loop()
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: _ClientConnection(self, origin, loop),
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                )
        except TimeoutError:
            raise UpstreamError(f"dial tcp {origin.authority}: i/o timeout") from None
        except OSError as error:
            raise UpstreamError(f"dial tcp {origin.authority}: {error.strerror or error}") from error
        self._all.add(connection)
        return connection

    def release(self, connection: _ClientConnection) -> None:
        """Put a connection whose exchange is over back into the pool."""
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) < _IDLE_PER_ORIGIN:
            idle.append(connection)
        else:
            connection.abort()

    def forget(self, connection: _ClientConnection) -> None:
        """Drop a connection that is gone."""
        self._all.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None and connection in idle:
            idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]

    def drop(self, origin: Origin) -> None:
        """Close the idle connections to an origin that is going away."""
        for connection in self._idle.pop(origin, ()):
            connection.abort()

    def close(self) -> None:
        """Cut every connection."""
        for connection in list(self._all):
            connection.abort()


class _ClientConnection(asyncio.Protocol):
    """One connection, used for one exchange at a time."""

    def __init__(self, client: HttpClient, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.origin = origin
        self.loop = loop
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._parser = httptools.HttpResponseParser(self)
        self._head: asyncio.Future[ClientResponse] | None = None
        self._method = ""
        self._pairs: list[Pair] = []
        self._body: Body | None = None
        self._reusable = True
        self._until_eof = False
        self._sent = True
        self._writable: asyncio.Future[None] | None = None

    def is_closing(self) -> bool:
        return self.transport.is_closing()

    async def exchange(
        self, method: str, target: str, pairs: list[Pair], body: bytes | AsyncIterator[bytes]
    ) -> ClientResponse:
        self._method = method
        self._head = self.loop.create_future()
        line = f"{method} {target} HTTP/1.1\r\n"
        if isinstance(body, bytes):
            # Like Go's client: no length is announced for a body-less GET or HEAD.
            length = f"Content-Length: {len(body)}\r\n" if body or method in ("POST", "PUT", "PATCH") else ""
            self.transport.write(encode_head(line, pairs, length) + body)
            return await self._head
        sender = self.loop.create_task(self._send_stream(line, pairs, body))
        try:
            # The other side may answer before it has read everything.
            return await self._head
        finally:
            if not sender.done() and not self._head_arrived():
                sender.cancel()

    def _head_arrived(self) -> bool:
        return self._head is not None and self._head.done() and not self._head.cancelled()

    async def _send_stream(self, line: str, pairs: list[Pair], body: AsyncIterator[bytes]) -> None:
        self._sent = False
        has_length = any(name.lower() == "content-length" for name, _ in pairs)
        extra = "" if has_length else "Transfer-Encoding: chunked\r\n"
        try:
            self.transport.write(encode_head(line, pairs, extra))
            async for part in body:
                if self.transport.is_closing():
                    return
                self.transport.write(part if has_length else b"%x\r\n%b\r\n" % (len(part), part))
                if self._writable is not None:
                    await self._writable
            if not has_length:
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

    def abort(self) -> None:
        self.transport.abort()

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.client.forget(self)
        if self._until_eof and self._body is not None and exc is None:
            self._body.finish()
        self._fail(UpstreamError(f"connection to {self.origin.authority} lost: {exc or 'EOF'}"))
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(UpstreamError(f"malformed HTTP response from {self.origin.authority}: {error}"))
            self.abort()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- the parser's calls

    def on_message_begin(self) -> None:
        self._pairs = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._pairs.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 or self._head is None or self._head.done():
            return  # an interim answer, or one that nobody asked for
        headers = Headers(self._pairs)
        self._body = Body(self.transport)
        self._reusable = self._parser.should_keep_alive()
        bodiless = self._method == "HEAD" or status in (204, 304)
        self._until_eof = (
            not bodiless and "Content-Length" not in headers and "Transfer-Encoding" not in headers
        )
        self._head.set_result(ClientResponse(status, headers, self._body, self))
        if self._method == "HEAD":
            # The parser can't be told that no body follows, so it is not used again.
            self._body.finish()
            self.loop.call_soon(self.transport.close)

    def on_body(self, data: bytes) -> None:
        if self._body is not None:
            self._body.feed(data)

    def on_message_complete(self) -> None:
        if self._body is None or self._body.complete:
            return
        self._body.finish()
        self._body = None
        if self._reusable and self._sent and not self.transport.is_closing():
            self.client.release(self)
        else:
            self.transport.close()
