"""The bins and their requests, within limits, kept in the history.

What is known of the bins is in memory, the requests are in the database.
Changes are written together, once in each turn of the event loop. Listeners
are called at every change.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit_services.contract.errors import InvalidValueError
from labkit_services.inspector.errors import NotFoundError, NotSavedError, TooManyError
from labkit_services.inspector.queries.request_query import RequestPage, RequestQuery
from labkit_services.inspector.records.bin_names import check_bin_name
from labkit_services.inspector.records.bin_settings import BinSettings
from labkit_services.inspector.records.request_ids import RequestIds
from labkit_services.inspector.records.request_record import ReceivedRequest, RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse, cut_response
from labkit_services.inspector.storage.changes import (
    ChangeKind,
    ChangeListeners,
    StoreChange,
    StoredBin,
)
from labkit_services.inspector.storage.group_commit import GroupCommit
from labkit_services.inspector.storage.history import History
from labkit_services.inspector.storage.history_file import HistoryFile, Warn
from labkit_services.inspector.storage.search_index import SearchIndex
from labkit_services.inspector.storage.selection import SCANNED

_MOST = 2**63


@dataclass(frozen=True)
class StoreLimits:
    """How much is kept."""

    bins: int = 200
    capacity: int = 500  # requests per bin, unless it was created with another capacity
    bytes: int = 256 * 1024 * 1024  # of all pages in use in the database


def _ignore(text: str, **fields: Any) -> None: ...


class BinStore:
    """All bins.

    Attributes:
        bins: By name, in the order of their creation.
        limits: How much is kept.
        listeners: Called with each change after it was made.
        writer: Writes the changes.
    """

    def __init__(
        self, limits: StoreLimits | None = None, path: Path | None = None, warn: Warn = _ignore
    ) -> None:
        self.bins: dict[str, StoredBin] = {}
        self.listeners = ChangeListeners()
        self.limits = limits or StoreLimits()
        self._history = History(HistoryFile(path, warn))
        self.bins.update((stored.name, stored) for stored in self._history.load())
        self._uses = max((stored.last_use for stored in self.bins.values()), default=0)
        self._ids = RequestIds(after=self._history.newest_id())
        self.writer = GroupCommit(self._history, self.bins, self.limits.bytes)
        self.writer.write(lambda: self._history.close_open_exchanges(cut_response("cut", 0.0)))

    # -- bins

    def create(
        self, name: str, capacity: int | None = None, *, answer: int | None = None, explicit: bool = True
    ) -> tuple[StoredBin, bool]:
        """Return the bin of this name, and whether it was created now.

        ``capacity`` and ``answer`` change those of an existing bin.
        """
        stored = self.bins.get(name)
        created = stored is None
        if stored is None:
            settings = BinSettings(self.limits.capacity)
            _changed(settings, capacity, answer).check()
            stored = StoredBin(check_bin_name(name), settings, explicit, time.time_ns())
            self._make_room()
            stored.key = self._history.next_key()
            self.bins[name] = stored
            self._notify(ChangeKind.BIN_CREATED, stored)
        if capacity is not None or answer is not None:
            changed = _changed(stored.settings, capacity, answer)
            self.change_settings(name, capacity=changed.capacity, answer=changed.answer)
        self._uses += 1
        stored.last_use = self._uses
        stored.explicit = stored.explicit or explicit
        self.writer.save(stored)
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
        self._drop_beyond_capacity(stored)
        self.writer.save(stored)
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
        stored.key = self._history.next_key()
        stored.kept = stored.pinned = 0
        self.writer.save(stored)
        self._notify(ChangeKind.BIN_CLEARED, stored)

    # -- requests

    def add(
        self, name: str, request: ReceivedRequest, *, replay_of: str | None = None
    ) -> tuple[RequestRecord, bool]:
        """Store a request; return its record, and whether its bin is new."""
        if not (0 <= request.received_ns < _MOST and 0 <= request.size < _MOST):
            raise InvalidValueError("the request's time or size can't be stored", expected="0 to 2**63 - 1")
        stored = self.bins.get(name)
        if created := stored is None:
            stored, _ = self.create(name, explicit=False)
        else:
            self._uses += 1
            stored.last_use = self._uses
        stored.received += 1
        stored.last_received_ns = request.received_ns
        record = RequestRecord(self._ids.next(), name, stored.received, request, replay_of=replay_of)
        stored.kept += 1
        self.writer.insert(stored, record)
        if stored.kept - stored.pinned > stored.settings.capacity:
            self._drop_beyond_capacity(stored)
        self._notify(ChangeKind.REQUEST_RECEIVED, stored, record)
        return record, created

    def answered(self, record_id: str, response: SentResponse) -> RequestRecord | None:
        """Store the response to a request.

        Returns None if the request was deleted or dropped meanwhile.
        """
        record = self.writer.answer(record_id, response)
        if record is not None:
            self._notify(ChangeKind.REQUEST_ANSWERED, self.bins[record.bin], record)
        return record

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
        stored, record = self._bin(name), self.record(name, record_id)
        if record is None:
            raise NotFoundError(f"the bin {name} holds no request {record_id[:80]!a}")
        given = {"note": note, "mark": mark, "pinned": pinned}
        changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
        changed = replace(record, **changes)
        if changed.pinned and not record.pinned and stored.pinned >= stored.settings.capacity:
            expected = f"at most {stored.settings.capacity} pinned requests, the bin's capacity"
            raise TooManyError("too many requests are pinned", expected=expected, next_step="unpin another")
        stored.pinned += changed.pinned - record.pinned
        self.writer.write(lambda: self._history.annotate(changed))
        self._drop_beyond_capacity(stored)
        self._notify(ChangeKind.REQUEST_CHANGED, stored, changed)
        return changed

    def record(self, name: str, which: str) -> RequestRecord | None:
        """Return a bin's request: ``latest``, ``first``, or one by its id."""
        stored = self.bins.get(name)
        self.writer.before_read()
        return self._history.record(stored, which) if stored else None

    def select(self, name: str, query: RequestQuery) -> RequestPage:
        """Return the page of a bin's requests that ``query`` selects."""
        stored = self._bin(name)
        self.writer.before_read()
        return self._history.select(stored, query)

    def count(self, name: str, query: RequestQuery) -> int:
        """Return how many requests match and follow ``query.after``.

        A bin that does not exist has none.
        """
        stored = self.bins.get(name)
        self.writer.before_read()
        return self._history.count(stored, query) if stored else 0

    def iterate(self, name: str) -> Iterator[RequestRecord]:
        """Yield a bin's requests, the oldest first."""
        stored = self.bins.get(name)
        self.writer.before_read()
        return self._history.iterate(stored) if stored else iter(())

    def delete_record(self, record: RequestRecord) -> None:
        """Delete one request."""
        stored = self.bins[record.bin]
        self.writer.before_read()
        current = self._history.record(stored, record.id)
        if current is None:
            return
        stored.kept -= 1
        stored.pinned -= current.pinned
        self.writer.forget(lambda each: each.id == record.id)
        self.writer.write(lambda: self._history.delete_request(record.id))
        self.writer.save(stored)
        self._notify(ChangeKind.REQUEST_DELETED, stored, current)

    # -- saving

    @property
    def failure(self) -> NotSavedError | None:
        """Why the newest changes could not be saved; None if they were."""
        return self.writer.failure

    @property
    def change_number(self) -> int:
        """Number of the newest change, also before a restart."""
        return self._history.change_number

    @property
    def used_bytes(self) -> int:
        """Bytes that the requests take in the database, with all overhead."""
        self.writer.before_read()
        return self._history.used_bytes

    @property
    def path(self) -> Path | None:
        """The history's file, or None if it is in memory only."""
        return self._history.path

    def saved(self) -> Awaitable[None]:
        """Wait until all changes made so far are saved.

        Raises:
            NotSavedError: They could not be saved and are not kept.
        """
        return self.writer.saved()

    @property
    def index(self) -> SearchIndex:
        """The index of the texts."""
        self.writer.before_read()  # dropped requests need not be indexed
        return self._history.index

    @property
    def unindexed(self) -> int:
        """How many requests at most the index lacks; 0 if none needs it.

        A bin of few requests is searched without it.
        """
        kept = [stored.kept for stored in self.bins.values()]
        return min(self._history.unindexed, sum(kept)) if max(kept, default=0) > SCANNED else 0

    def purge(self) -> bool:
        """Delete some rows of deleted bins; return if there were any."""
        if not self._history.needs_purge(self._keys()):
            return False
        self.writer.write(lambda: self._history.purge(self._keys()))
        return True

    def _keys(self) -> set[int]:
        return {stored.key for stored in self.bins.values()}

    @property
    def log_bytes(self) -> int:
        """Size of the write-ahead log's file."""
        return self._history.log_bytes

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file."""
        self._history.checkpoint()

    def close(self) -> None:
        """Save what is not yet saved, and close the history."""
        self.writer.close()

    # -- within

    def _bin(self, name: str) -> StoredBin:
        if (stored := self.bins.get(name)) is not None:
            return stored
        raise NotFoundError(f"there is no bin {name[:80]!a}")

    def _make_room(self) -> None:
        """Evict the least recently used bin that a mere request created."""
        if len(self.bins) < self.limits.bins:
            return
        evictable = [stored for stored in self.bins.values() if not stored.explicit]
        if not evictable:
            raise TooManyError(
                "there are too many bins",
                expected=f"at most {self.limits.bins}",
                next_step="delete one: DELETE /api/v1/bins/NAME",
            )
        self.delete(min(evictable, key=lambda stored: stored.last_use))

    def _drop_beyond_capacity(self, stored: StoredBin) -> None:
        beyond = stored.kept - stored.pinned - stored.settings.capacity
        if beyond > 0:
            stored.kept -= beyond
            stored.dropped += beyond
            self.writer.drop(stored, beyond)

    def _remove_all(self, stored: StoredBin) -> None:
        key = stored.key
        self.writer.forget(lambda record: record.bin == stored.name)
        self.writer.write(lambda: self._history.delete_bin(key))

    def _notify(
        self,
        kind: ChangeKind,
        stored: StoredBin,
        record: RequestRecord | None = None,
        *,
        previous: BinSettings | None = None,
    ) -> None:
        self._history.change_number += 1
        if listeners := self.listeners.by_kind[kind]:
            change = StoreChange(self._history.change_number, kind, stored, record, previous)
            for listener in listeners:
                listener(change)


def _changed(settings: BinSettings, capacity: int | None, answer: int | None) -> BinSettings:
    return replace(
        settings,
        capacity=settings.capacity if capacity is None else capacity,
        answer=settings.answer if answer is None else answer,
    )
