"""The bins and their requests, in memory and within limits.

The store does no I/O; listeners are called at every change.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.records.bin_names import check_bin_name
from labkit_services.inspector.records.request_ids import RequestIds
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord

_MAX_CAPACITY = 2000


@dataclass(frozen=True)
class StoreLimits:
    """How much is kept."""

    bins: int = 200
    capacity: int = 500  # requests per bin, unless it was created with another capacity
    memory: int = 64 * 1024 * 1024  # bytes for all requests of all bins


@dataclass(slots=True, eq=False)
class StoredBin:
    """A ring of requests.

    Attributes:
        capacity: How many requests it holds.
        explicit: It was created through the API, so it is never evicted for
            another bin.
        answer: The status of its responses; 0 closes the connection instead.
        last_use: Grows with each use of any bin: the lowest value is the least
            recently used.
        count: Requests that it has received.
        dropped: Requests that were dropped for newer ones.
        records: By id, oldest first.
    """

    name: str
    capacity: int
    explicit: bool
    created_ns: int
    answer: int = 200
    last_use: int = 0
    count: int = 0
    dropped: int = 0
    records: dict[str, RequestRecord] = field(default_factory=dict)

    def newest(self) -> RequestRecord | None:
        """Return the newest request that it holds."""
        return next(reversed(self.records.values()), None)

    def oldest(self) -> RequestRecord | None:
        """Return the oldest request that it holds."""
        return next(iter(self.records.values()), None)


class ChangeKind(StrEnum):
    """The changes of the store; the names of the live events."""

    BIN_CREATED = "bin.created"
    BIN_CHANGED = "bin.changed"
    BIN_CLEARED = "bin.cleared"
    BIN_DELETED = "bin.deleted"
    REQUEST_RECEIVED = "request.received"
    REQUEST_DELETED = "request.deleted"


@dataclass(frozen=True, slots=True)
class StoreChange:
    """One change; ``record`` is set for changes of a request."""

    kind: ChangeKind
    bin: StoredBin
    record: RequestRecord | None = None


class BinStore:
    """All bins.

    Attributes:
        bins: By name, in the order of their creation.
        listeners: Called after every change.
        memory: Bytes that the requests take, approximately.
    """

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self.bins: dict[str, StoredBin] = {}
        self.listeners: list[Callable[[StoreChange], None]] = []
        self.memory = 0
        self._limits = limits or StoreLimits()
        self._ids = RequestIds()
        self._uses = 0
        # The records of all bins, oldest first: the order in which they are
        # dropped.
        self._records: dict[str, RequestRecord] = {}

    def create(
        self, name: str, capacity: int | None = None, *, answer: int | None = None, explicit: bool = True
    ) -> tuple[StoredBin, bool]:
        """Return the bin of this name, and whether it was created now.

        ``capacity`` and ``answer`` change those of an existing bin.
        """
        if capacity is not None and not 1 <= capacity <= _MAX_CAPACITY:
            expected = f"1 to {_MAX_CAPACITY} requests"
            raise InvalidValueError("invalid capacity", expected=expected, seen=str(capacity))
        if answer is not None and answer != 0 and not 200 <= answer <= 599:
            expected = "a status from 200 to 599, or 0 to close the connection"
            raise InvalidValueError("invalid answer", expected=expected, seen=str(answer))
        stored = self.bins.get(name)
        created = stored is None
        if stored is None:
            size = capacity or self._limits.capacity
            stored = StoredBin(check_bin_name(name), size, explicit, time.time_ns())
            self._make_room()
            self.bins[name] = stored
            self._notify(ChangeKind.BIN_CREATED, stored)
        self._uses += 1
        stored.last_use = self._uses
        stored.explicit = stored.explicit or explicit
        if capacity is not None:
            stored.capacity = capacity
            self._drop_beyond(stored, capacity)
        if answer is not None and answer != stored.answer:
            stored.answer = answer
            self._notify(ChangeKind.BIN_CHANGED, stored)
        return stored, created

    def add(self, name: str, request: ReceivedRequest) -> tuple[RequestRecord, bool]:
        """Store a request; return its record, and whether its bin is new."""
        stored, created = self.create(name, explicit=False)
        stored.count += 1
        record = RequestRecord(self._ids.next(), name, stored.count, request)
        self._drop_beyond(stored, stored.capacity - 1)
        self.memory += request.memory
        while self.memory > self._limits.memory and self._records:
            self._drop(next(iter(self._records.values())))
        stored.records[record.id] = self._records[record.id] = record
        self._notify(ChangeKind.REQUEST_RECEIVED, stored, record)
        return record, created

    def delete(self, stored: StoredBin) -> None:
        """Delete a bin."""
        self._remove_all(stored)
        del self.bins[stored.name]
        self._notify(ChangeKind.BIN_DELETED, stored)

    def clear(self, stored: StoredBin) -> None:
        """Delete a bin's requests; the numbering continues."""
        self._remove_all(stored)
        self._notify(ChangeKind.BIN_CLEARED, stored)

    def delete_record(self, record: RequestRecord) -> None:
        """Delete one request."""
        self._remove(record)
        self._notify(ChangeKind.REQUEST_DELETED, self.bins[record.bin], record)

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
        while len(stored.records) > count:
            self._drop(next(iter(stored.records.values())))

    def _drop(self, record: RequestRecord) -> None:
        self._remove(record)
        self.bins[record.bin].dropped += 1

    def _remove(self, record: RequestRecord) -> None:
        del self.bins[record.bin].records[record.id]
        del self._records[record.id]
        self.memory -= record.request.memory

    def _remove_all(self, stored: StoredBin) -> None:
        for record in list(stored.records.values()):
            self._remove(record)

    def _notify(self, kind: ChangeKind, stored: StoredBin, record: RequestRecord | None = None) -> None:
        change = StoreChange(kind, stored, record)
        for listener in self.listeners:
            listener(change)
