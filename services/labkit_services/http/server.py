"""An HTTP/1.1 server: its socket, its connections, and an orderly stop."""

from __future__ import annotations

import asyncio
import errno
import socket

from labkit_services.http.server_connection import ServerConnection
from labkit_services.http.server_state import ErrorHook, Handler, Limits, ServerState

_SWEEP_SECONDS = 1.0
_BACKLOG = 2048
_CLEANUP_SECONDS = 1.0


class HttpServer:
    """Serves one handler on one address.

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
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, fallback: bool = False
    ) -> tuple[str, int]:
        """Listen, and return the address in use; port 0 means any free one.

        If the port is not available, raise OSError; with ``fallback``, listen
        on any free one.
        """
        loop = asyncio.get_running_loop()
        try:
            listener = _listen(host, port)
        except OSError as error:
            if not fallback or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            listener = _listen(host, 0)
        self._server = await loop.create_server(
            lambda: ServerConnection(self._state, self.connections, loop), sock=listener, backlog=_BACKLOG
        )
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep, loop)
        address, bound = listener.getsockname()[:2]
        return address, bound

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
        state = self._state
        state.stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close_when_idle()
        if self.connections:
            state.drained.clear()
            try:
                await asyncio.wait_for(state.drained.wait(), grace)
            except TimeoutError:
                await self._abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            await self._server.wait_closed()

    async def _abort(self) -> None:
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        for connection in list(self.connections):
            connection.abort()
        if tasks:
            # The handlers release what they hold before the server counts as
            # stopped.
            await asyncio.wait(tasks, timeout=_CLEANUP_SECONDS)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # With SO_REUSEADDR two sockets can bind one port at once; listen()
        # refuses the second.
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
