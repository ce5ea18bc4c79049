"""Writes changes in groups: one commit a turn of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from labkit_services.inspector.errors import NotSavedError
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage.changes import StoredBin
from labkit_services.inspector.storage.history import BusyError, History

_BUSY_SECONDS = 2.0
_RETRY_SECONDS = 0.02
_MOST_EVICTIONS = 50

_MOST_DROPS = 256
"""How many dropped requests may stay in the database until it is read."""

_MOST_LOG_BYTES = 16 * 1024 * 1024
_ROW_BYTES = 2048
"""About what a request takes beside its body, rather too much."""


class GroupCommit:
    """Collects changes, and writes and commits them together.

    A request and its response are one row if the response comes in the same
    turn. Without a running event loop each change is committed at once.

    What saves work: dropped requests are deleted many at once, or when the
    requests are read; the database's size is read only when new requests may
    have reached the limit.

    Attributes:
        committed: Set after each commit.
        failure: Why the last commit failed, or None.
    """

    def __init__(self, history: History, bins: dict[str, StoredBin], limit: int) -> None:
        self.committed = asyncio.Event()
        self.failure: NotSavedError | None = None
        self._history = history
        self._bins = bins
        self._limit = limit
        self._room = 0
        self._new: dict[str, tuple[int, RequestRecord]] = {}
        self._uncommitted: dict[str, tuple[int, RequestRecord]] = {}
        self._open: dict[str, RequestRecord] = {}
        self._writes: list[Callable[[], None]] = []
        self._dropped: dict[int, int] = {}
        self._changed: dict[str, StoredBin] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._closed = False
        self._busy_since: float | None = None
        history.on_loss = self._on_loss
        self._drop_beyond_capacity()

    # -- changes

    def insert(self, stored: StoredBin, record: RequestRecord) -> None:
        """Write a new request of a bin."""
        self._new[record.id] = stored.key, record
        self._open[record.id] = record
        self._room -= _ROW_BYTES + 2 * len(record.request.body)
        self._changed[stored.name] = stored
        if not self._scheduled:
            self._schedule()

    def answer(self, record_id: str, response: SentResponse) -> RequestRecord | None:
        """Write the response to an open request; None if it is deleted."""
        record = self._open.pop(record_id, None)
        if record is None:
            return None
        new = self._new.get(record_id)
        if new is None:
            self.before_read()
            current = self._history.record(self._bins[record.bin], record_id)
            if current is None:
                return None
            self.write(lambda: self._history.answer(record_id, response))
            return _answered(current, response)
        answered = _answered(record, response)
        self._new[record_id] = new[0], answered
        if not self._scheduled:
            self._schedule()
        return answered

    def save(self, stored: StoredBin) -> None:
        """Write what is known of a bin."""
        self._changed[stored.name] = stored
        self._schedule()

    def drop(self, stored: StoredBin, count: int) -> None:
        """Delete a bin's oldest requests."""
        self._dropped[stored.key] = self._dropped.get(stored.key, 0) + count
        self._changed[stored.name] = stored
        if not self._scheduled:
            self._schedule()

    def write(self, write: Callable[[], None]) -> None:
        """Make a change that needs the requests before it."""
        self._writes.append(write)
        self._schedule()

    def forget(self, is_deleted: Callable[[RequestRecord], bool]) -> None:
        """Take no response any more for requests that were deleted."""
        for record in [record for record in self._open.values() if is_deleted(record)]:
            del self._open[record.id]

    # -- saving

    def before_read(self) -> None:
        """Make the changes visible to reads, without a commit.

        While another process locks the database, reads lack the newest ones.
        """
        with suppress(BusyError):
            self._write()
            if self._dropped:
                self._delete_dropped()
                self._schedule()

    def saved(self) -> Awaitable[None]:
        """Wait until all changes so far are committed.

        Raises:
            NotSavedError: They could not be saved, and are not kept.
        """
        waiter = asyncio.get_running_loop().create_future()
        if self._scheduled:
            self._waiters.append(waiter)
        else:
            waiter.set_result(None)
        return waiter

    def close(self) -> None:
        """Commit what is not committed, and close the history."""
        self.before_read()
        self._flush()
        self._closed = True
        self._history.close()

    def _schedule(self) -> None:
        if self._scheduled:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._flush()
            return
        self._scheduled = True
        # One turn later: what arrives until then shares the commit, whose
        # cost is that of writing three requests.
        loop.call_soon(loop.call_soon, self._flush)

    def _flush(self) -> None:
        """Write and commit all changes; while it is locked, try again."""
        if self._closed:
            return
        try:
            self._history.begin(len(self._new))
            self._write()
            self._evict()
            self._history.save([bin_ for name, bin_ in self._changed.items() if name in self._bins])
            self._history.commit()
        except BusyError as error:
            self._retry_until_deadline(error)
        except NotSavedError:
            return  # _on_loss was called
        except Exception as error:
            # A bug. Nobody may wait for ever for it.
            self._history.rollback()
            self._on_loss(NotSavedError("the inspector can't save requests", seen=repr(error)))
            raise
        else:
            self._changed.clear()
            self._uncommitted.clear()
            self._busy_since = None
            self.failure = None
            self._finish(None)
            self.committed.set()
            if self._history.log_bytes > _MOST_LOG_BYTES:  # the upkeep is too slow
                with suppress(NotSavedError):
                    self._history.checkpoint()

    def _write(self) -> None:
        if self._new or self._writes:
            self._history.begin()
            new, self._new = self._new, {}
            writes, self._writes = self._writes, []
            self._uncommitted.update(new)
            self._history.insert(new.values())
            for write in writes:
                write()
        if sum(self._dropped.values()) > _MOST_DROPS:
            self._delete_dropped()

    def _delete_dropped(self) -> None:
        self._history.begin()
        dropped, self._dropped = self._dropped, {}
        for key, count in dropped.items():
            self._history.drop_oldest(key, count)

    def _drop_beyond_capacity(self) -> None:
        """Drop what was dropped before, but not yet deleted."""
        for stored in self._bins.values():
            beyond = stored.kept - stored.pinned - stored.settings.capacity
            if beyond > 0:
                stored.kept -= beyond
                self._dropped[stored.key] = beyond

    def _evict(self) -> None:
        """Delete the oldest requests of all bins beyond the limit of bytes."""
        if self._room > 0:
            return
        self._delete_dropped()
        for _ in range(_MOST_EVICTIONS):
            used, kept = self._history.used_bytes, sum(stored.kept for stored in self._bins.values())
            self._room = (self._limit - used) // 2
            if used <= self._limit or kept <= 1:
                return
            count = min(kept - 1, 1 + int(kept * (used - self._limit) / used))
            dropped = self._history.drop_oldest_of_all(count)
            for stored in self._bins.values():
                if gone := dropped.get(stored.key):
                    stored.kept -= gone
                    stored.dropped += gone
                    self._changed[stored.name] = stored
            if not dropped:
                return

    def _retry_until_deadline(self, error: BusyError) -> None:
        now = time.monotonic()
        self._busy_since = self._busy_since or now
        if self._scheduled and now - self._busy_since < _BUSY_SECONDS:
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._flush)
        else:
            self._busy_since = None
            self._on_loss(error.as_response)

    def _on_loss(self, error: NotSavedError) -> None:
        """Forget what could not be saved; keep the open requests for later."""
        self.failure = error
        lost = self._uncommitted | self._new
        self._new = {record_id: new for record_id, new in lost.items() if record_id in self._open}
        self._uncommitted.clear()
        self._dropped.clear()
        self._changed = dict(self._bins)
        keys = [stored.key for stored in self._bins.values()]
        self._writes = [lambda: self._history.delete_other_bins(keys)]
        with suppress(NotSavedError):
            self._recount()
            self._drop_beyond_capacity()
        self._finish(error)

    def _recount(self) -> None:
        counts = self._history.counts()
        for stored in self._bins.values():
            stored.kept, stored.pinned = counts.get(stored.key, (0, 0))
            stored.kept += sum(key == stored.key for key, _ in self._new.values())

    def _finish(self, error: NotSavedError | None) -> None:
        self._scheduled = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)


def _answered(record: RequestRecord, response: SentResponse) -> RequestRecord:
    # dataclasses.replace takes five times as long.
    return RequestRecord(
        record.id,
        record.bin,
        record.seq,
        record.request,
        response,
        record.note,
        record.mark,
        record.pinned,
        record.replay_of,
    )
