"""The supervisor's events: services that started or exited, and faults."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.supervisor.store.nats_connection import connected
from labkit_services.contract.events import Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.runtime.background_tasks import BackgroundTasks

SERVICE = "supervisor"
_MAX_UNSENT = 1000
_RETRY_SECONDS = 0.5


class EventStream(Protocol):
    """Where the events are stored."""

    async def publish(self, subject: str, body: bytes) -> None:
        """Store a message; OSError if that fails."""


@dataclass(frozen=True)
class OwnEventStream:
    """That of the lab's own nats-server."""

    url: str
    token: str

    async def publish(self, subject: str, body: bytes) -> None:
        """Store a message over a connection of its own."""
        async with connected(self.url, self.token) as nats:
            answer = await nats.request(subject, body)
        if not answer or b'"error"' in answer:
            raise ConnectionError("JetStream did not store it")


class LifecycleEvents:
    """Publishes the supervisor's events to the lab's event stream.

    While NATS cannot be reached they wait in memory, the newest thousand of
    them.
    """

    def __init__(self) -> None:
        self._unsent: deque[Row] = deque(maxlen=_MAX_UNSENT)
        self._instance = f"{SERVICE}-{os.getpid()}"
        self._stream: EventStream | None = None
        self._tasks = BackgroundTasks()
        self._sender: asyncio.Task[None] | None = None

    def emit(self, type_: str, **data: Any) -> None:
        """Add an event; ``contract/events.py`` lists the keys of ``data``."""
        self._unsent.append([time.time_ns(), type_, "", "", 1, data])
        self._start_sending()

    def publish_to(self, stream: EventStream) -> None:
        """Start to publish; the event stream must exist."""
        self._stream = stream
        self._start_sending()

    async def pause(self) -> None:
        """Publish nothing until ``publish_to`` is called again."""
        self._stream = None
        await self._tasks.cancel()

    def _start_sending(self) -> None:
        if self._stream and self._unsent and (self._sender is None or self._sender.done()):
            self._sender = self._tasks.start(self._send(self._stream), name="publish the supervisor's events")

    async def _send(self, stream: EventStream) -> None:
        while self._unsent:
            rows = list(self._unsent)
            try:
                body = encode_batch(SERVICE, self._instance, rows)
                await stream.publish(event_subject(SERVICE), body)
            except OSError:  # includes timeouts
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                for _ in rows:
                    self._unsent.popleft()
