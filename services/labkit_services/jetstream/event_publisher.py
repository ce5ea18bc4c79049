"""Publish a service's events, in batches, to the event log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from labkit_services.contract.errors import error_text
from labkit_services.contract.events import Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.confirmed_batches import ConfirmedBatches
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.service import Service

_FLUSH_SECONDS = 0.01
_BATCH_EVENTS = 500


class EventPublisher:
    """Publishes events without delaying or failing a call.

    ``emit`` only appends. A batch is sent ten milliseconds after its first
    event, or when it is full; one that was not stored is sent again.
    """

    def __init__(self, client: Client, service: Service, *, name: str = "") -> None:
        """Publish as ``service``, or for ``name``, which has no connection."""
        self._service = service
        self._name = name or service.name
        self._subject = event_subject(self._name)
        self._rows: list[Row] = []
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = BackgroundTasks(service.log.task_failed)
        self._batches = ConfirmedBatches(client, self._tasks, self._lost)

    def emit(self, type_: str, call_id: str, function: str, attempt: int = 1, **data: Any) -> None:
        """Add an event, now; ``EventType`` lists the keys of ``data``."""
        self.append([time.time_ns(), type_, call_id, function, attempt, data])

    def append(self, row: Row) -> None:
        """Add an event that already has its time."""
        self._rows.append(row)
        if len(self._rows) >= _BATCH_EVENTS:
            self._start_flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._start_flush)

    def _start_flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tasks.start(self.flush(), name="publish events")

    async def flush(self) -> None:
        """Publish the events gathered so far."""
        await self._send(self._batches.send)

    async def store(self, publisher: Publisher) -> None:
        """Publish the events gathered so far and wait until they are stored.

        For a response to a client that will read the event log next.
        """
        await self._send(partial(publisher.publish, headers={}))

    async def _send(self, publish: Callable[[str, bytes], Awaitable[object]]) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        body = encode_batch(self._name, self._service.instance, rows)
        try:
            await publish(self._subject, body)
        except (OSError, NatsError) as error:
            # Only the event log has a gap; calls are not affected.
            self._service.log.warning("events lost", count=len(rows), error=error_text(error))

    def _lost(self, batches: int) -> None:
        self._service.log.warning("events lost", batches=batches, error="the event log can't be written")
