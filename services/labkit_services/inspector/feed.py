"""The inspector's connection to the lab's record, whenever nats-server can be reached."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections import deque
from typing import TYPE_CHECKING

from labkit_services.contract.events import EventType, Row
from labkit_services.inspector.calls import CallKeeper
from labkit_services.inspector.record import Record
from labkit_services.inspector.store import Bin, Change, ChangeKind
from labkit_services.runtime.service import Service

if TYPE_CHECKING:
    from nats.aio.client import Client

    from labkit_services.jetstream.event_publisher import Events

_MAX_WAITING = 10_000


class Feed:
    """Publishes ``request.captured`` events from the background, and keeps the record of calls there.

    Neither readiness nor a capture waits for any of it: until nats-server is
    reached, events wait in memory, the newest ten thousand of them.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._calls = CallKeeper()
        self._waiting: deque[Row] = deque(maxlen=_MAX_WAITING)
        self._client: Client | None = None
        self._events: Events | None = None
        self._connecting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def on_change(self, change: Change) -> None:
        """Note a captured request, and that a bin is down or is up again."""
        if change.kind is ChangeKind.REQUEST_RECEIVED and change.record is not None:
            row = _captured(change.record)
        elif change.kind is ChangeKind.BIN_CHANGED:
            row = _down_or_up(change.bin)
        else:
            return
        if self._events is None:
            self._waiting.append(row)
        else:
            self._events.append(row)

    async def _connect(self) -> None:
        # Importing the NATS client takes longer than starting the inspector; in
        # a thread it holds up no capture.
        await asyncio.to_thread(importlib.import_module, "labkit_services.jetstream.event_publisher")
        from labkit_services.jetstream.connection import NatsUnavailableError, connect
        from labkit_services.jetstream.event_publisher import Events

        while self._client is None:
            try:
                self._client = await connect(self._service, self._calls.restored)
            except NatsUnavailableError as error:
                self._service.log.warning("captures are not in the lab's record yet", error=error.seen)
        self._events = Events(self._client, self._service)
        while self._waiting:
            self._events.append(self._waiting.popleft())
        await self._calls.start(self._client)

    async def stop(self) -> None:
        """Send what can be sent, and close."""
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._events is not None and self._client is not None:
            from labkit_services.jetstream.connection import close

            await self._calls.stop()
            await self._events.flush()
            await close(self._client)


def _captured(record: Record) -> Row:
    said = record.arrival.callback
    return [
        record.arrival.received_ns,
        EventType.REQUEST_CAPTURED.value,
        said.call_id if said else "",
        said.function if said else "",
        1,
        {"bin": record.bin, "request": record.id, "bytes": record.arrival.size},
    ]


def _down_or_up(changed: Bin) -> Row:
    type_ = EventType.FAULT_ENDED if changed.answer == 200 else EventType.FAULT_STARTED
    data = {"fault": "down", "service": "inspector", "bin": changed.name, "answer": changed.answer}
    return [time.time_ns(), type_.value, "", "", 1, data]
