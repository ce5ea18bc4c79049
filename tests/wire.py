"""Raw HTTP for tests: a client and a server that send exact bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from labkit_services.http import Handler, Headers, HttpServer, Limits, Request

TIMEOUT = 20.0


@dataclass
class WireResponse:
    """One parsed response."""

    status: int
    headers: Headers
    body: bytes
    version: str = "HTTP/1.1"


class Wire:
    """One client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def drain(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            await self.writer.drain()

    async def head(self) -> WireResponse:
        """Read a status line and headers."""
        async with asyncio.timeout(TIMEOUT):
            head = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        version, status, *_ = line.split(" ", 2)
        pairs = [(name, value.strip()) for name, _, value in (text.partition(":") for text in lines)]
        return WireResponse(int(status), Headers(pairs), b"", version)

    async def response(self, method: str = "GET") -> WireResponse:
        """Read one whole response to ``method`` (RFC 9112 §6.3)."""
        response = await self.head()
        async with asyncio.timeout(TIMEOUT):
            if method == "HEAD" or response.status in (204, 304):
                pass
            elif response.headers.get("Transfer-Encoding") == "chunked":
                response.body = await self._chunks()
            elif "Content-Length" in response.headers:
                response.body = await self.reader.readexactly(int(response.headers.get("Content-Length")))
            else:
                response.body = await self.reader.read()
        return response

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self.reader.readline(), 16):
            parts.append(await self.reader.readexactly(size))
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readline() == b"\r\n"
        return b"".join(parts)

    async def ended(self) -> bool:
        """Return whether the server closes or resets without sending more."""
        async with asyncio.timeout(TIMEOUT):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self.writer.wait_closed()
        except ConnectionError:
            pass  # reset by the other side, as some tests provoke


@dataclass
class Served:
    """A running server under test."""

    server: HttpServer
    host: str
    port: int
    errors: list[str] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_connection(self.host, self.port))
        self.wires.append(wire)
        return wire

    async def ask(self, data: bytes, method: str = "GET") -> WireResponse:
        """Send bytes over a new connection and read one response."""
        wire = await self.connect()
        wire.send(data)
        return await wire.response(method)

    def let_deadlines_pass(self) -> None:
        """Expire every deadline, as the server's sweep does."""
        for connection in list(self.server.connections):
            if connection.deadline != float("inf"):
                connection.expire()


@asynccontextmanager
async def serving(handler: Handler, **limits: Any) -> AsyncIterator[Served]:
    """Run a server in a block; at the end it must have no connection."""

    def on_error(_request: Request, error: BaseException) -> None:
        served.errors.append(repr(error))

    server = HttpServer(handler, limits=Limits(**limits), on_error=on_error)
    served = Served(server, *await server.start())
    try:
        yield served
    finally:
        for wire in served.wires:
            await wire.close()
        async with asyncio.timeout(TIMEOUT):
            await server.stop(TIMEOUT)
        assert not server.connections


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class ScriptedServer:
    """A server that runs a script for each connection."""

    url: str
    connections: int = 0


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[ScriptedServer]:
    """Serve ``script``; its connection is closed when it returns."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        made.connections += 1
        wire = Wire(reader, writer)
        try:
            await script(wire)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has disconnected, which ends every script
        except asyncio.CancelledError:
            pass  # the test is over; asyncio's streams report a cancelled task here as an error
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    made = ScriptedServer(f"http://{host}:{port}")
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=TIMEOUT)
