"""The supervisor's events: services that started or exited, and faults."""

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
from labkit_services.runtime.background_tasks import BackgroundTasks

SERVICE = "supervisor"
_MAX_UNSENT = 1000
_PUBLISH_SECONDS = 2.0
_RETRY_SECONDS = 0.5


class LifecycleEvents:
    """Publishes the supervisor's events to the lab's event stream.

    They are few, so each batch is sent over a connection of its own, with the
    text protocol: nats-py would add 100 ms to the start of every lab. While
    nats-server cannot be reached they wait in memory, the newest thousand of
    them.
    """

    def __init__(self) -> None:
        self._unsent: deque[Row] = deque(maxlen=_MAX_UNSENT)
        self._instance = f"{SERVICE}-{os.getpid()}"
        self._url = ""
        self._token = ""
        self._tasks = BackgroundTasks()
        self._sender: asyncio.Task[None] | None = None

    def emit(self, type_: str, **data: Any) -> None:
        """Add an event; ``contract/events.py`` lists the keys of ``data``."""
        self._unsent.append([time.time_ns(), type_, "", "", 1, data])
        self._start_sending()

    def publish_to(self, url: str, token: str) -> None:
        """Start to publish; the event stream must exist."""
        self._url, self._token = url, token
        self._start_sending()

    async def pause(self) -> None:
        """Publish nothing until ``publish_to`` is called again."""
        self._url = ""
        await self._tasks.cancel()

    def _start_sending(self) -> None:
        if self._url and self._unsent and (self._sender is None or self._sender.done()):
            self._sender = self._tasks.start(self._send(), name="publish the supervisor's events")

    async def _send(self) -> None:
        while self._unsent:
            rows = list(self._unsent)
            try:
                body = encode_batch(SERVICE, self._instance, rows)
                await _publish(self._url, self._token, event_subject(SERVICE), body)
            except OSError:  # includes timeouts
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                for _ in rows:
                    self._unsent.popleft()


async def _publish(url: str, token: str, subject: str, body: bytes) -> None:
    """Publish one message; raise an OSError unless the server processed it.

    In NATS's text protocol the server greets with ``INFO``, and answers
    ``PING`` by ``PONG`` once it has processed everything before it.
    """
    address = urlsplit(url)
    options = {"verbose": False, "pedantic": False, "auth_token": token, "name": SERVICE}
    options |= {"lang": "python", "version": VERSION}
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
