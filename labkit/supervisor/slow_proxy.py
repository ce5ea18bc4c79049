"""A slow network: hands on what TCP connections carry, later and no faster than it is told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

_PIECE = 16 * 1024
_UNDERWAY = 64
"""Pieces that may be under way in one direction: a network has room for only so much."""
_LOOK_SECONDS = 0.05

_Underway = asyncio.Queue[tuple[float, bytes]]
"""Pieces, each with the time at which it is due at the other end; an empty one is the end."""


class Relay:
    """Stands before an HTTP address; whatever passes takes its time, in either direction.

    A target that is away is waited for, as if packets were lost: who connects
    here must not take the relay for the target.
    """

    def __init__(self, target: str, *, delay: float, bandwidth: float) -> None:
        """Say how slow it is.

        Args:
            target: ``http://HOST:PORT``.
            delay: Seconds that a byte is on its way.
            bandwidth: Bytes a second in each direction of a connection; 0 is unbounded.
        """
        address = urlsplit(target)
        self._host, self._port = address.hostname, address.port
        self._delay = delay
        self._bandwidth = bandwidth
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return ``http://HOST:PORT``."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Cut all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            there, out = await self._connect()
            writers.append(out)
            async with asyncio.TaskGroup() as group:
                for source, sink in ((reader, out), (there, writer)):
                    underway = _Underway(_UNDERWAY)
                    # Two tasks, so that reading goes on meanwhile: a delay is no limit on the rate.
                    group.create_task(self._take(source, underway))
                    group.create_task(self._give(underway, sink))
        except* OSError:
            pass  # one end is gone; the other learns of it now
        finally:
            for each in writers:
                each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            with suppress(ConnectionError):
                return await asyncio.open_connection(self._host, self._port)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take(self, reader: asyncio.StreamReader, underway: _Underway) -> None:
        now = asyncio.get_running_loop().time
        sent = now()
        while True:
            piece = await reader.read(_PIECE)
            sent = max(sent, now()) + (len(piece) / self._bandwidth if self._bandwidth else 0.0)
            await underway.put((sent + self._delay, piece))
            if not piece:
                return

    async def _give(self, underway: _Underway, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, piece = await underway.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()
