"""HTTP by hand, for tests: a socket that says exactly what it is told, and a server that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from labkit_services.http import Headers, HttpServer, Limits, Request
from labkit_services.http.server import Handler

PATIENCE = 20.0


@dataclass
class Answer:
    """One parsed answer; ``raw_body`` still has its chunk framing."""

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
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def head(self) -> Answer:
        """Read a status line and headers."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        version, status, *_ = line.split(" ", 2)
        pairs = [(name, value.strip()) for name, _, value in (text.partition(":") for text in lines)]
        return Answer(int(status), Headers(pairs), b"", version)

    async def answer(self, method: str = "GET") -> Answer:
        """Read one whole answer to ``method``, by the rules of RFC 9112 §6.3."""
        answer = await self.head()
        async with asyncio.timeout(PATIENCE):
            if method == "HEAD" or answer.status in (204, 304):
                pass
            elif answer.headers.get("Transfer-Encoding") == "chunked":
                answer.body = await self._chunks()
            elif "Content-Length" in answer.headers:
                answer.body = await self.reader.readexactly(int(answer.headers.get("Content-Length")))
            else:
                answer.body = await self.reader.read()
        return answer

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self.reader.readline(), 16):
            parts.append(await self.reader.readexactly(size))
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readline() == b"\r\n"
        return b"".join(parts)

    async def ended(self) -> bool:
        """Tell whether the other side closes without another word; a reset counts."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
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

    async def ask(self, data: bytes, method: str = "GET") -> Answer:
        """Send bytes over a new connection and read one answer."""
        wire = await self.connect()
        wire.send(data)
        return await wire.answer(method)

    def let_deadlines_pass(self) -> None:
        """Do what the server's sweep does with connections whose time is up."""
        for connection in list(self.server.connections):
            if connection.deadline != float("inf"):
                connection.expire()


@asynccontextmanager
async def serving(handler: Handler, **limits: Any) -> AsyncIterator[Served]:
    """Run a server for the length of a block; it must stop quickly and leave no task."""

    def on_error(_request: Request, error: BaseException) -> None:
        served.errors.append(repr(error))

    server = HttpServer(handler, limits=Limits(**limits), on_error=on_error)
    served = Served(server, *await server.start())
    try:
        yield served
    finally:
        for wire in served.wires:
            await wire.close()
        async with asyncio.timeout(PATIENCE):
            await server.stop(PATIENCE)
        assert not server.connections


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class Puppet:
    """A server that plays a script to each of its connections."""

    url: str
    connections: int = 0


@asynccontextmanager
async def puppet(script: Script) -> AsyncIterator[Puppet]:
    """Serve ``script``; what it leaves open is closed at the end of its run."""
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
            pass  # the client has gone, which ends every script
        except asyncio.CancelledError:
            pass  # the test is over; asyncio's streams can't bear a cancelled task here
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    made = Puppet(f"http://{host}:{port}")
    try:
        yield made
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
