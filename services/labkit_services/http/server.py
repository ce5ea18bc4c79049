"""An HTTP/1.1 server: its socket, its connections, and an orderly stop."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from labkit_services.http.server_connection import ServerConnection
from labkit_services.http.server_state import ErrorHook, Handler, Limits, ServerState

_SWEEP_SECONDS = 1.0
_BACKLOG = 2048
_CLEANUP_SECONDS = 1.0


class HttpServer:
    """Serves a handler on one address, and another one on a Unix socket.

    A handler is cancelled when its client disconnects, so it must release what
    it holds in ``finally``. If a handler raises, the client gets a 500 and
    only ``on_error`` gets the exception.

    Attributes:
        connections: The open ones.
    """

    def __init__(
        self, handler: Handler, *, limits: Limits | None = None, on_error: ErrorHook | None = None
    ) -> None:
        self.connections: set[ServerConnection] = set()
        self._state = ServerState(handler, limits or Limits(), on_error or (lambda _request, _error: None))
        self._states = [self._state]
        self._servers: list[asyncio.Server] = []
        self._on_close: list[Callable[[], None]] = []
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, fallback: bool = False
    ) -> tuple[str, int]:
        """Listen, and return the address in use; port 0 means any free one.

        If the port is not available, raise OSError; with ``fallback``, listen
        on any free one.
        """
        try:
            listener = _listen(host, port)
        except OSError as error:
            if not fallback or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            listener = _listen(host, 0)
        return await self.start_on(listener)

    async def start_on(
        self, listener: socket.socket, *, on_close: Callable[[], None] = lambda: None
    ) -> tuple[str, int]:
        """Serve a listening socket; return its address.

        ``on_close`` is called when ``stop`` has closed it.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: ServerConnection(self._state, self.connections, loop), sock=listener, backlog=_BACKLOG
        )
        self._servers.append(server)
        self._on_close.append(on_close)
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        address, bound = listener.getsockname()[:2]
        return address, bound

    async def start_unix(self, path: str, handler: Handler) -> None:
        """Serve ``handler`` on a Unix socket, besides the address.

        Only this user may connect. A socket that is left from an earlier
        process is replaced.
        """
        loop = asyncio.get_running_loop()
        state = replace(self._state, handler=handler)
        listener = _listen_unix(path)
        server = await loop.create_unix_server(
            lambda: ServerConnection(state, self.connections, loop), sock=listener, backlog=_BACKLOG
        )
        self._states.append(state)
        self._servers.append(server)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        # One timer for all connections: one for each would be set and
        # cancelled on every request.
        now = loop.time()
        for connection in list(self.connections):
            if connection.deadline < now:
                connection.expire()
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)

    async def stop(self, grace: float) -> None:
        """Stop listening; cut requests in flight after ``grace`` seconds."""
        for state in self._states:
            state.stopping = True
        for server in self._servers:
            server.close()
        for on_close in self._on_close:
            on_close()
        for connection in list(self.connections):
            connection.close_when_idle()
        if self.connections:
            drained = self._state.drained  # of all states
            drained.clear()
            try:
                await asyncio.wait_for(drained.wait(), grace)
            except TimeoutError:
                await self._abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            await server.wait_closed()

    async def _abort(self) -> None:
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        for connection in list(self.connections):
            connection.abort()
        if tasks:
            # The handlers release what they hold before the server counts as
            # stopped.
            await asyncio.wait(tasks, timeout=_CLEANUP_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    def bind(listener: socket.socket) -> None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))

    # With SO_REUSEADDR two sockets can bind one port at once; listen() refuses
    # the second.
    return _listening(socket.AF_INET6 if ":" in host else socket.AF_INET, bind)


def _listen_unix(path: str) -> socket.socket:
    def bind(listener: socket.socket) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        listener.bind(path)
        os.chmod(path, 0o600)  # before anybody can connect

    return _listening(socket.AF_UNIX, bind)


def _listening(family: socket.AddressFamily, bind: Callable[[socket.socket], None]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        bind(listener)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
