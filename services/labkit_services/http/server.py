"""An HTTP/1.1 server: sockets, their connections, and a clean end."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit_services.http.message import Request, Response

if TYPE_CHECKING:
    from labkit_services.http.connection import Connection

Handler = Callable[[Request], Awaitable[Response]]
ErrorHook = Callable[[Request, BaseException], None]

_SWEEP_SECONDS = 1.0
_BACKLOG = 2048
_CLEANUP_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server.

    Attributes:
        header_bytes: All header names and values together; above it 431.
        header_count: Number of headers; above it 431.
        target_bytes: Length of the request line's target; above it 414.
        idle_seconds: How long an unused connection is kept.
        read_seconds: How long a client may pause in the middle of a request, above it 408; and
            how long it may read nothing of an answer, above it the connection is cut.
    """

    header_bytes: int = 64 * 1024
    header_count: int = 1000
    target_bytes: int = 16 * 1024
    idle_seconds: float = 75.0
    read_seconds: float = 60.0


class HttpServer:
    """Serves one handler on one address.

    A handler whose client goes away is cancelled, so what it holds must be
    released in ``finally``. A handler that raises is answered with 500;
    ``on_error`` is told, never the client.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits | None = None,
        on_error: ErrorHook | None = None,
    ) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.on_error = on_error
        self.connections: set[Connection] = set()
        self.stopping = False
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._drained = asyncio.Event()

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, fallback: bool = False
    ) -> tuple[str, int]:
        """Listen, and return the address in use.

        Args:
            host: Address to listen on.
            port: Port asked for; 0 means any.
            fallback: Take any port if the one asked for is taken.

        Raises:
            OSError: The address can't be had.
        """
        # Here, because connection.py needs this module's types.
        from labkit_services.http.connection import Connection

        loop = asyncio.get_running_loop()
        try:
            listener = _listen(host, port)
        except OSError as error:
            if not fallback or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            listener = _listen(host, 0)
        self._server = await loop.create_server(
            lambda: Connection(self, loop), sock=listener, backlog=_BACKLOG
        )
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        address, bound = listener.getsockname()[:2]
        return address, bound

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        # One timer for all connections: a timer each would be set and cancelled
        # on every request.
        now = loop.time()
        for connection in list(self.connections):
            if connection.deadline < now:
                connection.expire()
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._drained.set()

    async def stop(self, grace: float) -> None:
        """Take no new connection, let requests in flight finish for ``grace`` seconds, then cut."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.finish_up()
        if self.connections:
            self._drained.clear()
            try:
                await asyncio.wait_for(self._drained.wait(), grace)
            except TimeoutError:
                await self._cut()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            await self._server.wait_closed()

    async def _cut(self) -> None:
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        for connection in list(self.connections):
            connection.abort()
        if tasks:
            # What the handlers hold is released before we say that we have stopped.
            await asyncio.wait(tasks, timeout=_CLEANUP_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Two that bound the same port at once are told apart only here.
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
