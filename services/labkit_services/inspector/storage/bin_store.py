"""The bins and their requests, within limits.

Listeners are called at every change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from labkit_services.inspector.errors import NotFoundError, TooManyError
from labkit_services.inspector.queries.request_query import RequestPage, RequestQuery, select
from labkit_services.inspector.records.bin_names import check_bin_name
from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.records.request_ids import RequestIds
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange, StoredBin


@dataclass(frozen=True)
class StoreLimits:
    """How much is kept."""

    bins: int = 200
    capacity: int = 500  # requests per bin, unless it was created with another capacity
    memory: int = 64 * 1024 * 1024  # bytes for all requests of all bins


class BinStore:
    """All bins.

    Attributes:
        bins: By name, in the order of their creation.
        listeners: Called with each change after it was made. They must not
            change the store.
        memory: What all requests take, in bytes, approximately.
        change_number: Number of the last change.
    """

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self.bins: dict[str, StoredBin] = {}
        self.listeners: list[Callable[[StoreChange], None]] = []
        self.memory = 0
        self.change_number = 0
        self._limits = limits or StoreLimits()
        self._ids = RequestIds()
        self._uses = 0
        # The records of all bins, oldest first: the order in which they are
        # dropped.
        self._records: dict[str, RequestRecord] = {}

    # -- bins

    def create(
        self, name: str, capacity: int | None = None, *, answer: int | None = None, explicit: bool = True
    ) -> tuple[StoredBin, bool]:
        """Return the bin of this name, and whether it was created now.

        ``capacity`` and ``answer`` change those of an existing bin.
        """
        given = {"capacity": capacity, "answer": answer}
        changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
        stored = self.bins.get(name)
        created = stored is None
        if stored is None:
            settings = BinSettings(self._limits.capacity)
            replace(settings, **changes).check()
            stored = StoredBin(check_bin_name(name), settings, explicit, time.time_ns())
            self._make_room()
            self.bins[name] = stored
            self._notify(ChangeKind.BIN_CREATED, stored)
        self.change_settings(name, **changes)
        self._uses += 1
        stored.last_use = self._uses
        stored.explicit = stored.explicit or explicit
        return stored, created

    def settings(self, name: str) -> BinSettings:
        """Return the settings of a bin."""
        return self._bin(name).settings

    def change_settings(self, name: str, **changes: Any) -> StoredBin:
        """Change some of a bin's settings."""
        stored = self._bin(name)
        previous = stored.settings
        settings = replace(previous, **changes).check()
        if settings == previous:
            return stored
        stored.settings = settings
        self._drop_beyond(stored, settings.capacity)
        plain = {"capacity", "answer", "note"}
        changed = {field for field in changes if getattr(settings, field) != getattr(previous, field)}
        if changed & plain:
            self._notify(ChangeKind.BIN_CHANGED, stored, previous=previous)
        if changed - plain:
            self._notify(ChangeKind.RULE_CHANGED, stored, previous=previous)
        return stored

    def delete(self, stored: StoredBin) -> None:
        """Delete a bin."""
        self._remove_all(stored)
        del self.bins[stored.name]
        self._notify(ChangeKind.BIN_DELETED, stored)

    def clear(self, stored: StoredBin) -> None:
        """Delete a bin's requests; the numbering continues."""
        self._remove_all(stored)
        self._notify(ChangeKind.BIN_CLEARED, stored)

    # -- requests

    def add(
        self, name: str, request: ReceivedRequest, *, replay_of: str | None = None
    ) -> tuple[RequestRecord, bool]:
        """Store a request; return its record, and whether its bin is new."""
        stored, created = self.create(name, explicit=False)
        stored.received += 1
        stored.last_received_ns = request.received_ns
        record = RequestRecord(self._ids.next(), name, stored.received, request, replay_of=replay_of)
        self._records[record.id] = record
        stored.kept += 1
        self.memory += request.memory
        self._drop_beyond(stored, stored.settings.capacity)
        while self.memory > self._limits.memory and len(self._records) > 1:
            self._drop(next(each for each in self._records.values() if not each.pinned))
        self._notify(ChangeKind.REQUEST_RECEIVED, stored, record)
        return record, created

    def answered(self, record_id: str, response: SentResponse) -> RequestRecord | None:
        """Store the response to a request.

        Returns None if the request was deleted or dropped meanwhile.
        """
        record = self._records.get(record_id)
        if record is None:
            return None
        return self._change(record, ChangeKind.REQUEST_ANSWERED, response=response)

    def annotate(
        self,
        name: str,
        record_id: str,
        *,
        note: str | None = None,
        mark: str | None = None,
        pinned: bool | None = None,
    ) -> RequestRecord:
        """Change what the user has added to a request; None keeps it."""
        record = self.record(name, record_id)
        if record is None:
            raise NotFoundError(f"the bin {name} holds no request {record_id[:80]!a}")
        given = {"note": note, "mark": mark, "pinned": pinned}
        changes = {field: value for field, value in given.items() if value is not None}
        return self._change(record, ChangeKind.REQUEST_CHANGED, **changes)

    def record(self, name: str, which: str) -> RequestRecord | None:
        """Return a bin's request: ``latest``, ``first``, or one by its id."""
        if which in ("latest", "first"):
            records = list(self.iterate(name))
            return records[-1 if which == "latest" else 0] if records else None
        record = self._records.get(which)
        return record if record is not None and record.bin == name else None

    def select(self, name: str, query: RequestQuery) -> RequestPage:
        """Return the page of a bin's requests that ``query`` selects."""
        return select(self.iterate(name), query)

    def iterate(self, name: str) -> Iterator[RequestRecord]:
        """Yield a bin's requests, the oldest first."""
        for record in list(self._records.values()):
            if record.bin == name:
                yield record

    def delete_record(self, record: RequestRecord) -> None:
        """Delete one request."""
        self._remove(record)
        self._notify(ChangeKind.REQUEST_DELETED, self.bins[record.bin], record)

    async def saved(self) -> None:
        """Return when all changes made so far are saved."""

    # -- within

    def _bin(self, name: str) -> StoredBin:
        if (stored := self.bins.get(name)) is not None:
            return stored
        raise NotFoundError(f"there is no bin {name[:80]!a}")

    def _change(self, record: RequestRecord, kind: ChangeKind, **changes: Any) -> RequestRecord:
        changed = replace(record, **changes)
        self._records[record.id] = changed
        self._notify(kind, self.bins[record.bin], changed)
        return changed

    def _make_room(self) -> None:
        """Evict the least recently used bin that a mere request created."""
        if len(self.bins) < self._limits.bins:
            return
        evictable = [stored for stored in self.bins.values() if not stored.explicit]
        if not evictable:
            raise TooManyError(
                "there are too many bins",
                expected=f"at most {self._limits.bins}",
                next_step="delete one: DELETE /api/v1/bins/NAME",
            )
        self.delete(min(evictable, key=lambda stored: stored.last_use))

    def _drop_beyond(self, stored: StoredBin, count: int) -> None:
        if stored.kept <= count:
            return
        droppable = [record for record in self.iterate(stored.name) if not record.pinned]
        for record in droppable[: stored.kept - count]:
            self._drop(record)

    def _drop(self, record: RequestRecord) -> None:
        self._remove(record)
        self.bins[record.bin].dropped += 1

    def _remove(self, record: RequestRecord) -> None:
        del self._records[record.id]
        self.bins[record.bin].kept -= 1
        self.memory -= record.request.memory

    def _remove_all(self, stored: StoredBin) -> None:
        for record in self.iterate(stored.name):
            self._remove(record)

    def _notify(
        self,
        kind: ChangeKind,
        stored: StoredBin,
        record: RequestRecord | None = None,
        *,
        previous: BinSettings | None = None,
    ) -> None:
        self.change_number += 1
        change = StoreChange(self.change_number, kind, stored, record, previous)
        for listener in self.listeners:
            listener(change)
