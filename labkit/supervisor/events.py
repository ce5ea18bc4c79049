"""What happened to the services: kept here, and published like every other event."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from labkit_services.contract.events import Row, encode_batch
from labkit_services.contract.names import VERSION, event_subject

SERVICE = "supervisor"
_KEPT = 1000
_PUBLISH_SECONDS = 2.0
_RETRY_SECONDS = 0.5


class Record:
    """The supervisor's events.

    They are few, so each batch goes over a connection of its own, spoken by
    hand: nats-py would add 100 ms to the start of every lab. While nats-server is
    away they wait.
    """

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=_KEPT)
        self._unsent: deque[Row] = deque(maxlen=_KEPT)
        self._instance = f"{SERVICE}-{os.getpid()}"
        self._url = ""
        self._token = ""
        self._sender: asyncio.Task[None] | None = None

    def emit(self, type_: str, **data: Any) -> None:
        """Note that something happened now; ``contract/events.py`` has the keys of ``data``."""
        row: Row = [time.time_ns(), type_, "", "", 1, data]
        self._rows.append(row)
        self._unsent.append(row)
        self._start_sending()

    def recent(self) -> list[Row]:
        """Return the last events, oldest first."""
        return list(self._rows)

    def publish_to(self, url: str, token: str) -> None:
        """Publish from now on; call it once the stream of events exists."""
        self._url, self._token = url, token
        self._start_sending()

    async def pause(self) -> None:
        """Publish nothing until ``publish_to`` is called again."""
        self._url = ""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.cancel()
            await asyncio.wait([sender])

    def _start_sending(self) -> None:
        if self._url and self._unsent and (self._sender is None or self._sender.done()):
            self._sender = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._unsent:
            rows = list(self._unsent)
            try:
                body = encode_batch(SERVICE, self._instance, rows)
                await publish(self._url, self._token, event_subject(SERVICE), body)
            except OSError:  # a timeout is one, too
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                for _ in rows:
                    self._unsent.popleft()


async def publish(url: str, token: str, subject: str, body: bytes) -> None:
    """Publish one message and make sure that the server has read it.

    The text protocol, from the NATS documentation: the server greets with
    ``INFO``; ``PONG`` answers ``PING`` once all before it is processed.

    Raises:
        OSError: The server can't be reached, or refused, or took too long.
    """
    address = urlsplit(url)
    options = {
        "verbose": False,
        "pedantic": False,
        "auth_token": token,
        "name": SERVICE,
        "lang": "python",
        "version": VERSION,
    }
    async with asyncio.timeout(_PUBLISH_SECONDS):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            await reader.readline()
            writer.write(f"CONNECT {json.dumps(options)}\r\n".encode())
            writer.write(f"PUB {subject} {len(body)}\r\n".encode() + body + b"\r\nPING\r\n")
            while line := await reader.readline():
                if line.startswith(b"PONG"):
                    return
                if line.startswith(b"-ERR"):
                    raise ConnectionRefusedError(line.decode("latin-1").strip())
            raise ConnectionResetError("nats-server closed the connection")
        finally:
            writer.close()
