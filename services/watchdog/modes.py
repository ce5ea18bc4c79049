"""From the mode to what answers in it, and to the process behind that, if there is a long-lived one."""

from __future__ import annotations

import asyncio
import socket

from services.http import Origin
from services.log import LineWriter
from services.watchdog.child import Child, FunctionFailedError, reserve_port
from services.watchdog.classic import Classic
from services.watchdog.command import Command
from services.watchdog.config import Config, Mode
from services.watchdog.handler import Backend
from services.watchdog.output import FunctionLines, WatchdogLog
from services.watchdog.process import Forker
from services.watchdog.streaming import Streaming
from services.watchdog.upstream import Upstream


class FunctionProcess:
    """Makes what answers the requests; in mode http, keeps the process that does.

    Attributes:
        ended: Done when that process has ended by itself; never in the other modes.
    """

    def __init__(
        self,
        config: Config,
        forker: Forker,
        command: Command,
        environ: dict[bytes, bytes],
        *,
        log: WatchdogLog,
        events: LineWriter,
    ) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._config = config
        self._forker = forker
        self._command = command
        self._environ = environ
        self._log = log
        self._events = events
        self._child: Child | None = None
        self._upstream: Upstream | None = None
        self._port: socket.socket | None = None

    async def start(self) -> Backend:
        """Return what answers requests, once it can.

        Raises:
            FunctionFailedError: The process of mode http did not come up.
            InvalidValueError: Its ``upstream_url`` is no URL.
        """
        if self._config.mode is Mode.HTTP:
            self._upstream = await self._start_child()
            return self._upstream
        kind = Streaming if self._config.mode is Mode.STREAMING else Classic
        return kind(
            self._config, self._forker, self._command, self._environ, log=self._log, events=self._events
        )

    async def _start_child(self) -> Upstream:
        url, environ = self._config.upstream_url, dict(self._environ)
        if self._config.upstream_port_is_free:
            port, self._port = reserve_port()
            url = f"http://127.0.0.1:{port}"
            environ |= {name: str(port).encode() for name in (b"port", b"PORT")}
        origin, prefix = Origin.parse(url)
        environ[b"upstream_url"] = url.encode()
        self._log.line(f"Forking: {self._config.fprocess}")
        lines = FunctionLines(self._log, prefix=self._config.prefix_logs)
        self._child = Child(self._forker, lines, self._events)
        self._child.start(self._command, environ)
        self.ended = self._child.ended
        await self._child.listens(origin)
        return Upstream(self._config, origin, prefix, self._child.pid, log=self._log, events=self._events)

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
