"""The inspector's connection to the lab's event log, over nats-server."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labkit_services.contract.events import Event, EventType, Row, decode_batch
from labkit_services.contract.names import event_subject
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.call_status_service import CallStatusService
from labkit_services.inspector.errors import UnavailableError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.storage.changes import StoreChange, StoredBin
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.service import Service

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from labkit_services.jetstream.event_publisher import EventPublisher

_MAX_UNSENT = 10_000


class EventLogConnection:
    """Publishes ``request.captured`` events, and runs the call status service.

    It connects in the background; readiness and captures do not wait for it.
    Until nats-server is reached, events wait in memory, the newest ten
    thousand of them.

    Attributes:
        lab_listeners: Called with new events of the supervisor: its services
            and their faults.
    """

    def __init__(self, service: Service, feed: CallFeed) -> None:
        self._service = service
        self._feed = feed
        self.lab_listeners: list[Callable[[Sequence[Event]], None]] = []
        self._call_status = CallStatusService(feed, service.log.task_failed)
        self._unsent: deque[Row] = deque(maxlen=_MAX_UNSENT)
        self._client: Client | None = None
        self._events: EventPublisher | None = None
        self._tasks = BackgroundTasks(service.log.task_failed)

    @property
    def state(self) -> str:
        """``connected``, ``not connected``, or ``none`` without one."""
        if self._client is None:
            return "not connected" if len(self._tasks) else "none"
        return "connected" if self._client.is_connected else "not connected"

    @property
    def client(self) -> Client:
        """The connection to nats-server.

        Raises:
            UnavailableError: It was not reached yet.
        """
        if self._client is None:
            raise UnavailableError(
                "the inspector has not reached the lab's nats-server",
                next_step="try again in a moment; see labkit status",
            )
        return self._client

    def start(self) -> None:
        """Start to connect."""
        self._tasks.start(self._connect(), name="connect to nats-server")

    def on_capture(self, change: StoreChange) -> None:
        """Publish a captured request, if a call of the lab may have sent it.

        A listener of the store.
        """
        record = change.record
        if record is not None and not record.request.is_imported and record.replay_of is None:
            self.append(_request_captured(record))

    def on_bin_changed(self, change: StoreChange) -> None:
        """Publish that a bin went down or up; a listener of the store."""
        if change.previous is not None and change.previous.answer != change.bin.settings.answer:
            self.append(_bin_down_or_up(change.bin))

    def append(self, row: Row) -> None:
        """Publish an event that already has its time."""
        if self._events is None:
            self._unsent.append(row)
        else:
            self._events.append(row)

    async def _connect(self) -> None:
        # Importing the NATS client takes longer than starting the inspector;
        # in a thread it delays no capture.
        await asyncio.to_thread(importlib.import_module, "labkit_services.jetstream.event_publisher")
        from labkit_services.jetstream.connection import NatsUnavailableError, connect
        from labkit_services.jetstream.event_publisher import EventPublisher

        while self._client is None:
            try:
                self._client = await connect(self._service, self._feed.reconnected)
            except NatsUnavailableError as error:
                self._service.log.warning("captures are not in the event log yet", error=error.seen)
        self._events = EventPublisher(self._client, self._service)
        while self._unsent:
            self._events.append(self._unsent.popleft())
        self._feed.start(self._client)
        await self._client.subscribe(event_subject("supervisor"), cb=self._on_lab_events)
        await self._call_status.start(self._client)

    async def _on_lab_events(self, message: Msg) -> None:
        try:
            events = decode_batch(message.data)
        except ValueError:
            return  # from another version
        for listener in self.lab_listeners:
            listener(events)

    async def stop(self) -> None:
        """Send the remaining events if possible, and close the connection."""
        await self._tasks.cancel()
        if self._events is not None and self._client is not None:
            from labkit_services.jetstream.connection import close

            await self._call_status.stop()
            await self._feed.stop()
            await self._events.flush()
            await close(self._client)


def _request_captured(record: RequestRecord) -> Row:
    callback = record.request.callback
    return [
        record.request.received_ns,
        EventType.REQUEST_CAPTURED.value,
        callback.call_id if callback else "",
        callback.function if callback else "",
        1,
        {"bin": record.bin, "request": record.id, "bytes": record.request.size, "seq": record.seq},
    ]


def _bin_down_or_up(stored: StoredBin) -> Row:
    answer = stored.settings.answer
    type_ = EventType.FAULT_ENDED if answer == 200 else EventType.FAULT_STARTED
    data = {"fault": "down", "service": "inspector", "bin": stored.name, "answer": answer}
    return [time.time_ns(), type_.value, "", "", 1, data]
