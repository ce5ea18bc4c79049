"""A TCP proxy that simulates a slow network: delay, limited bandwidth."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

from labkit_services.runtime.background_tasks import BackgroundTasks

_CHUNK_BYTES = 16 * 1024
_MAX_CHUNKS = 64
"""Chunks in transit in one direction of a connection: a network can hold only
so much."""
_CONNECT_RETRY_SECONDS = 0.05

_Transit = asyncio.Queue[tuple[float, bytes]]
"""Chunks, each with the time at which it is due at the other end; an empty one
is the end."""


class SlowProxy:
    """Forwards TCP connections to an HTTP address, in both directions slowly.

    While the target refuses connections the proxy keeps trying, as if packets
    were lost:
    clients must not take the proxy for the target.
    """

    def __init__(self, target: str, *, delay: float, bandwidth: float) -> None:
        """Create a proxy that is not listening yet.

        Args:
            target: ``http://HOST:PORT``.
            delay: Seconds that each byte is in transit.
            bandwidth: Bytes per second in each direction of a connection; 0 is
                unlimited.
        """
        address = urlsplit(target)
        self._host, self._port = address.hostname, address.port
        self._delay = delay
        self._bandwidth = bandwidth
        self._server: asyncio.Server | None = None
        self._connections = BackgroundTasks()

    async def start(self) -> str:
        """Listen; return ``http://HOST:PORT``."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
        await self._connections.cancel()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.start(self._forward(reader, writer), name="slow proxy connection")

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            target_reader, target_writer = await self._connect()
            writers.append(target_writer)
            async with asyncio.TaskGroup() as group:
                for source, sink in ((reader, target_writer), (target_reader, writer)):
                    transit = _Transit(_MAX_CHUNKS)
                    # Two tasks, so that reading continues meanwhile: a delay
                    # does not limit the rate.
                    group.create_task(self._receive(source, transit), name="slow proxy reader")
                    group.create_task(self._deliver(transit, sink), name="slow proxy writer")
        except (OSError, ExceptionGroup) as error:
            # One end has closed its connection; so must the other.
            if isinstance(error, ExceptionGroup) and (rest := error.split(OSError)[1]):
                raise rest from None
        finally:
            for each in writers:
                each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            with suppress(ConnectionError):
                return await asyncio.open_connection(self._host, self._port)
            await asyncio.sleep(_CONNECT_RETRY_SECONDS)

    async def _receive(self, reader: asyncio.StreamReader, transit: _Transit) -> None:
        now = asyncio.get_running_loop().time
        sent = now()
        while True:
            chunk = await reader.read(_CHUNK_BYTES)
            sent = max(sent, now()) + (len(chunk) / self._bandwidth if self._bandwidth else 0.0)
            await transit.put((sent + self._delay, chunk))
            if not chunk:
                return

    async def _deliver(self, transit: _Transit, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, chunk = await transit.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()
