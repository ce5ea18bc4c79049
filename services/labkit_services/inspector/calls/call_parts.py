"""The parts of the inspector that show a running lab, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit_services.inspector.calls.call_batches import CallBatches
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.call_sender import CallSender
from labkit_services.inspector.calls.call_stream import CallStream
from labkit_services.inspector.calls.call_times import CallTimes
from labkit_services.inspector.calls.event_log_connection import EventLogConnection
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.inspector.calls.lab_faults import LabFaults
from labkit_services.inspector.calls.lab_poller import LabPoller
from labkit_services.inspector.calls.log_files import LogFiles
from labkit_services.inspector.calls.queue_peek import QueuePeek
from labkit_services.inspector.storage.changes import ChangeKind
from labkit_services.runtime.service import Service

if TYPE_CHECKING:
    from labkit_services.inspector.storage.bin_store import BinStore


class CallParts:
    """What calls, queues, services and logs need; owns their connections.

    Attributes:
        event_log: The connection to nats-server; not started without one.
    """

    def __init__(self, service: Service, store: BinStore, *, nats_url: str, lab_folder: str) -> None:
        failed = service.log.task_failed
        self.feed = CallFeed(failed)
        self.event_log = EventLogConnection(service, self.feed)
        self.lab = LabAccess(lab_folder)
        self.stream = CallStream(self.feed, failed)
        self.poller = LabPoller(self.lab, self.feed, self.stream, failed)
        self.sender = CallSender(self.lab, self.event_log.append)
        self.batches = CallBatches(self.sender, failed)
        self.logs = LogFiles(self.lab)
        self.faults = LabFaults(self.lab, store, failed)
        self.times = CallTimes(self.feed)
        self.peek = QueuePeek(self.event_log)
        self._has_nats = bool(nats_url)
        if self._has_nats:
            store.listeners.add(self.event_log.on_capture, ChangeKind.REQUEST_RECEIVED)
            store.listeners.add(self.event_log.on_bin_changed, ChangeKind.BIN_CHANGED)

    def start(self) -> None:
        """Start to connect to nats-server."""
        if self._has_nats:
            self.event_log.start()

    def close(self) -> None:
        """End the open streams: the inspector stops."""
        self.stream.close()
        self.logs.close()

    async def stop(self) -> None:
        """Close the connections."""
        await self.batches.stop()
        await self.faults.stop()
        await self.poller.stop()
        await self.stream.stop()
        self.lab.close()
        await self.event_log.stop()
