"""Bins and what is in them, within bounds; pure, so whoever wants to know of changes listens.

Nothing in here is written to disk: a restart of the inspector begins with no bins.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.errors import TooManyError
from labkit_services.inspector.ids import IdSource
from labkit_services.inspector.names import checked
from labkit_services.inspector.record import Arrival, Record

MAX_CAPACITY = 2000


@dataclass(frozen=True)
class Bounds:
    """How much is kept.

    Attributes:
        bins: Bins at once.
        capacity: Requests a bin, unless it was made with another capacity.
        memory: Bytes of all requests of all bins.
    """

    bins: int = 200
    capacity: int = 500
    memory: int = 64 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Bin:
    """A ring of requests.

    Attributes:
        name: As in its URL.
        capacity: How many requests it holds.
        kept: It was asked for by name, so it is not given up for another bin.
        answer: The status that its requests are answered with; 0 hangs up in place of an answer.
        created_ns: Unix nanoseconds.
        touched: Grows with each use of any bin; tells which was used last.
        count: Requests it ever took.
        dropped: Requests that were given up for newer ones.
        records: Oldest first, by id.
    """

    name: str
    capacity: int
    kept: bool
    created_ns: int
    answer: int = 200
    touched: int = 0
    count: int = 0
    dropped: int = 0
    records: dict[str, Record] = field(default_factory=dict)

    def newest(self) -> Record | None:
        """Return the last request taken that is still there."""
        return next(reversed(self.records.values()), None)

    def oldest(self) -> Record | None:
        """Return the first request taken that is still there."""
        return next(iter(self.records.values()), None)


class ChangeKind(StrEnum):
    """What can happen in the store; the names of the live events."""

    BIN_CREATED = "bin.created"
    BIN_CHANGED = "bin.changed"
    BIN_CLEARED = "bin.cleared"
    BIN_DELETED = "bin.deleted"
    REQUEST_RECEIVED = "request.received"
    REQUEST_DELETED = "request.deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened; ``record`` belongs to the request changes only."""

    kind: ChangeKind
    bin: Bin
    record: Record | None = None


Listener = Callable[[Change], None]


class Store:
    """All bins.

    Attributes:
        bins: By name, in the order in which they were made.
        listeners: Called at every change, in turn, once it is done.
    """

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        ids: IdSource | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.bins: dict[str, Bin] = {}
        self.listeners: list[Listener] = []
        self._bounds = bounds or Bounds()
        self._ids = ids or IdSource(clock_ns)
        self._clock_ns = clock_ns
        self._memory = 0
        self._uses = 0
        # Every record of every bin, oldest first: what goes when memory is full.
        self._all: dict[str, Record] = {}

    @property
    def memory(self) -> int:
        """Bytes in use for requests, about."""
        return self._memory

    def create(
        self, name: str, capacity: int | None = None, *, answer: int | None = None, kept: bool = True
    ) -> tuple[Bin, bool]:
        """Return the bin of this name, made now if need be, and whether it was.

        ``capacity`` and ``answer`` change those of a bin which is there.

        Raises:
            LabError: The name or a setting does not fit, or there are too many bins.
        """
        if capacity is not None and not 1 <= capacity <= MAX_CAPACITY:
            raise InvalidValueError(
                "no bin can have this capacity", expected=f"1 to {MAX_CAPACITY} requests", seen=str(capacity)
            )
        if answer is not None and answer != 0 and not 200 <= answer <= 599:
            raise InvalidValueError(
                "no bin can answer so", expected="a status from 200 to 599, or 0 to hang up", seen=str(answer)
            )
        found = self.bins.get(name)
        if found is None:
            made = Bin(checked(name), capacity or self._bounds.capacity, kept, self._clock_ns())
            self._make_room()
            self.bins[name] = made
            self._touch(made)
            self._tell(Change(ChangeKind.BIN_CREATED, made))
            self._answer_with(made, answer)
            return made, True
        self._touch(found)
        found.kept = found.kept or kept
        if capacity is not None:
            found.capacity = capacity
            while len(found.records) > capacity:
                self._give_up_oldest_of(found)
        self._answer_with(found, answer)
        return found, False

    def add(self, name: str, arrival: Arrival) -> tuple[Record, bool]:
        """Keep a request; return its record and whether the bin was made for it.

        Raises:
            LabError: As for ``create``.
        """
        target, created = self.create(name, kept=False)
        target.count += 1
        record = Record(self._ids.next(), name, target.count, arrival)
        if len(target.records) >= target.capacity:
            self._give_up_oldest_of(target)
        self._memory += arrival.memory
        while self._memory > self._bounds.memory and self._all:
            self._give_up(next(iter(self._all.values())))
        target.records[record.id] = record
        self._all[record.id] = record
        self._tell(Change(ChangeKind.REQUEST_RECEIVED, target, record))
        return record, created

    def delete(self, target: Bin) -> None:
        """Forget a bin."""
        self._empty(target)
        del self.bins[target.name]
        self._tell(Change(ChangeKind.BIN_DELETED, target))

    def clear(self, target: Bin) -> None:
        """Forget a bin's requests; its numbers go on from where they were."""
        self._empty(target)
        self._tell(Change(ChangeKind.BIN_CLEARED, target))

    def delete_record(self, record: Record) -> None:
        """Forget one request."""
        self._remove(record)
        self._tell(Change(ChangeKind.REQUEST_DELETED, self.bins[record.bin], record))

    # -- bounds

    def _make_room(self) -> None:
        """Give up the bin unused for longest of those that came about by a mere request."""
        if len(self.bins) < self._bounds.bins:
            return
        passing = [known for known in self.bins.values() if not known.kept]
        if not passing:
            raise TooManyError(
                "there are too many bins",
                expected=f"at most {self._bounds.bins}",
                next_step="delete one: DELETE /api/v1/bins/NAME",
            )
        self.delete(min(passing, key=lambda known: known.touched))

    def _give_up_oldest_of(self, target: Bin) -> None:
        oldest = target.oldest()
        if oldest is not None:
            self._give_up(oldest)

    def _give_up(self, record: Record) -> None:
        self._remove(record)
        self.bins[record.bin].dropped += 1

    def _remove(self, record: Record) -> None:
        del self.bins[record.bin].records[record.id]
        del self._all[record.id]
        self._memory -= record.arrival.memory

    def _answer_with(self, target: Bin, answer: int | None) -> None:
        if answer is not None and answer != target.answer:
            target.answer = answer
            self._tell(Change(ChangeKind.BIN_CHANGED, target))

    def _empty(self, target: Bin) -> None:
        for record in list(target.records.values()):
            self._remove(record)

    def _touch(self, used: Bin) -> None:
        self._uses += 1
        used.touched = self._uses

    def _tell(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)
