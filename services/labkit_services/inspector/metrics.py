"""The inspector's metrics, in Prometheus's text format."""

from __future__ import annotations

import os
from pathlib import Path

from labkit_services.inspector.live.server_sent_events import ServerSentEvents
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange
from labkit_services.runtime.metrics import Durations, counter, gauge, prometheus_text

_PAGE = os.sysconf("SC_PAGE_SIZE")


class InspectorMetrics:
    """Counts since the start; names of bins are not in them.

    Anybody may read the metrics, and whoever knows a bin's name can send to
    it.
    """

    def __init__(self, store: BinStore, events: ServerSentEvents) -> None:
        self._store = store
        self._events = events
        self._captured = 0
        self._answered = Durations()
        store.listeners.add(self._on_change, ChangeKind.REQUEST_RECEIVED, ChangeKind.REQUEST_ANSWERED)

    def _on_change(self, change: StoreChange) -> None:
        if change.kind is ChangeKind.REQUEST_RECEIVED:
            self._captured += 1
        elif change.kind is ChangeKind.REQUEST_ANSWERED and change.record is not None:
            response = change.record.response
            if response is not None:
                self._answered.observe((response.status,), response.ended)

    def text(self) -> bytes:
        """Return Prometheus's text; a status of 0 is a connection cut."""
        bins, code = self._store.bins.values(), ("code",)
        return prometheus_text(
            counter("inspector_requests", "Requests captured.", (), [((), self._captured)]),
            self._answered.counter("inspector_responses", "Requests answered.", code),
            self._answered.histogram("inspector_response_seconds", "From arrival to response.", code),
            gauge("inspector_bins", "Bins.", (), [((), len(bins))]),
            gauge("inspector_kept_requests", "Requests kept.", (), [((), sum(each.kept for each in bins))]),
            gauge("inspector_history_bytes", "Size of the kept.", (), [((), self._store.used_bytes)]),
            gauge("inspector_event_streams", "Open streams of events.", (), [((), self._events.count)]),
            gauge("process_resident_memory_bytes", "Memory in use.", (), [((), resident_bytes())]),
        )


def resident_bytes() -> int:
    """Return the memory of this process, 0 where there is no ``/proc``."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0
