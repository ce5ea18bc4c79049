"""From the mode to what answers in it, and to the process behind that, if there is a long-lived one."""

from __future__ import annotations

import asyncio
import socket

from labkit_services.http import Origin
from labkit_services.watchdog.backend import Backend, Function
from labkit_services.watchdog.child import Child, FunctionFailedError, reserve_port
from labkit_services.watchdog.classic import Classic
from labkit_services.watchdog.config import Mode
from labkit_services.watchdog.serializing import Serializing
from labkit_services.watchdog.streaming import Streaming
from labkit_services.watchdog.upstream import Upstream

_FORKING: dict[Mode, type[Backend]] = {
    Mode.CLASSIC: Classic,
    Mode.STREAMING: Streaming,
    Mode.SERIALIZING: Serializing,
}


class FunctionProcess:
    """Makes what answers the requests; in mode http, keeps the process that does.

    Attributes:
        ended: Done when that process has ended by itself; never in the other modes.
    """

    def __init__(self, function: Function) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._function = function
        self._child: Child | None = None
        self._upstream: Upstream | None = None
        self._port: socket.socket | None = None

    async def start(self) -> Backend:
        """Return what answers requests, once it can.

        Raises:
            FunctionFailedError: The process of mode http did not come up.
            InvalidValueError: Its ``upstream_url`` is no URL.
        """
        mode = self._function.config.mode
        if mode is Mode.HTTP:
            self._upstream = await self._start_child()
            return self._upstream
        if mode is Mode.STATIC:
            # Not at the top: few functions are files, and it imports what no other mode needs.
            from labkit_services.watchdog.static import Static

            return Static(self._function)
        return _FORKING[mode](self._function)

    async def _start_child(self) -> Upstream:
        function, config = self._function, self._function.config
        url, environ = config.upstream_url, dict(function.environ)
        if config.upstream_port_is_free:
            port, self._port = reserve_port()
            url = f"http://127.0.0.1:{port}"
            environ |= {name: str(port).encode() for name in (b"port", b"PORT")}
        origin, prefix = Origin.parse(url)
        environ[b"upstream_url"] = url.encode()
        function.log.line(f"Forking: {config.fprocess}")
        self._child = Child(function)
        self._child.start(environ)
        self.ended = self._child.ended
        await self._child.listens(origin)
        return Upstream(function, origin, prefix, self._child.pid)

    def failure(self) -> FunctionFailedError:
        """Return what to say when the process has ended by itself."""
        assert self._child is not None
        return self._child.failure()

    async def stop(self) -> None:
        """End the long-lived process, if there is one."""
        if self._upstream is not None:
            self._upstream.close()
        if self._child is not None:
            await self._child.stop()
        if self._port is not None:
            self._port.close()
