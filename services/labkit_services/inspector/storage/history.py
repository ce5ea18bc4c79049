"""The history in SQLite: bins and requests as rows, committed in groups."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path

from labkit_services.inspector.errors import NotSavedError
from labkit_services.inspector.queries.request_query import RequestPage, RequestQuery
from labkit_services.inspector.records.request_record import RequestRecord
from labkit_services.inspector.records.sent_response import SentResponse
from labkit_services.inspector.storage import trash
from labkit_services.inspector.storage.bin_rows import SAVE_BIN, SELECT_BINS, from_bin_row, to_bin_row
from labkit_services.inspector.storage.changes import StoredBin
from labkit_services.inspector.storage.history_file import (
    PAGE_BYTES,
    HistoryFile,
    is_busy,
    is_damage,
    storage_error,
)
from labkit_services.inspector.storage.request_rows import (
    ANNOTATE,
    ANSWER,
    INSERT,
    SELECT,
    annotation_row,
    from_row,
    response_row,
    to_row,
)
from labkit_services.inspector.storage.search_index import SearchIndex
from labkit_services.inspector.storage.selection import Selection, StoredRecords

_CHUNK = 200

_WHICH = {"latest": "ORDER BY id DESC LIMIT 1", "first": "ORDER BY id LIMIT 1"}


class BusyError(Exception):
    """Another process locks the database; try again a moment later.

    Attributes:
        as_response: What to answer if it is locked for too long.
    """

    def __init__(self, as_response: NotSavedError) -> None:
        super().__init__(as_response.seen)
        self.as_response = as_response


class History:
    """Rows; what is written after ``begin`` is kept by ``commit``.

    Every method raises NotSavedError if the database can't be read or written;
    then nothing of the transaction is kept.

    Attributes:
        on_loss: Called with the error when what was written is not kept.
        change_number: Number of the newest change of any bin.
    """

    def __init__(self, file: HistoryFile) -> None:
        self._file = file
        self.on_loss: Callable[[NotSavedError], None] = lambda _: None
        self.change_number = 0
        self._last_row = 0
        self._last_key = 0
        self._saved_numbers = (0, 0)
        self._errors = _Errors(self)
        self._open()

    def _open(self) -> None:
        self._db = self._file.open()
        self.index = SearchIndex(self._file.path)
        self.index.attach(self._db)
        self._selection = Selection(self._db, self.index)
        number, last_row = self._db.execute("SELECT change_number, last_row FROM facts").fetchone()
        self.change_number = max(self.change_number, number)
        self._last_row = max(self._last_row, last_row)
        newest = (
            "SELECT max(ifnull((SELECT max(key) FROM bins), 0), ifnull((SELECT max(bin) FROM requests), 0))"
        )
        self._last_key = max(self._last_key, self._db.execute(newest).fetchone()[0])

    @property
    def path(self) -> Path | None:
        """The file, or None if the history is in memory."""
        return self._file.path

    def load(self) -> list[StoredBin]:
        """Return all bins, in the order of their creation."""
        counts = self.counts()
        with self._errors:
            rows = self._db.execute(SELECT_BINS).fetchall()
        return [from_bin_row(row, counts.get(row[0], (0, 0))) for row in rows]

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return how many requests each bin holds, and how many pinned."""
        sql = "SELECT bin, count(*), sum(pinned) FROM requests INDEXED BY requests_by_bin GROUP BY bin"
        with self._errors:
            return {key: (kept, pinned) for key, kept, pinned in self._db.execute(sql)}

    def newest_id(self) -> str:
        """Return the id of the newest request, or ""."""
        with self._errors:
            return str(self._db.execute("SELECT ifnull(max(ulid), '') FROM requests").fetchone()[0])

    def next_key(self) -> int:
        """Return a key for a bin."""
        self._last_key += 1
        return self._last_key

    # -- writing

    def begin(self, inserts: int = 0) -> None:
        """Begin a transaction, unless one is open.

        Args:
            inserts: How many requests will be inserted, as far as known.

        Raises:
            BusyError: Another process locks the database.
        """
        if self._db.in_transaction:
            return
        with self._errors:
            self._db.execute("BEGIN")
            try:
                # Takes the write lock of this file only, not the index's.
                self._save_numbers(self._last_row + inserts)
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise
                self.rollback()
                raise BusyError(storage_error(error, self._file.path)) from error

    def insert(self, records: Iterable[tuple[int, RequestRecord]]) -> None:
        """Write new records, each with the key of its bin."""
        rows = []
        for key, record in records:
            self._last_row += 1
            rows.append(to_row(self._last_row, key, record))
        with self._errors:
            self._db.executemany(INSERT, rows)

    def save(self, bins: Iterable[StoredBin]) -> None:
        """Write bins, new and changed ones, and the number of the change."""
        with self._errors:
            self._db.executemany(SAVE_BIN, map(to_bin_row, bins))
            if self._saved_numbers != (self.change_number, self._last_row):
                self._save_numbers(self._last_row)

    def _save_numbers(self, last_row: int) -> None:
        self._saved_numbers = self.change_number, last_row
        self._db.execute("UPDATE facts SET change_number = ?, last_row = ?", self._saved_numbers)

    def answer(self, record_id: str, response: SentResponse) -> None:
        """Write the response to a saved request."""
        with self._errors:
            self._db.execute(ANSWER, (*response_row(response), record_id))

    def annotate(self, record: RequestRecord) -> None:
        """Write what the user added to a saved request."""
        with self._errors:
            self._db.execute(ANNOTATE, annotation_row(record))

    def delete_bin(self, key: int) -> None:
        """Delete a bin; its requests are trash, which ``purge`` deletes."""
        with self._errors:
            self._db.execute("DELETE FROM bins WHERE key = ?", (key,))

    def delete_other_bins(self, keys: list[int]) -> None:
        """Delete all bins but those with these keys."""
        with self._errors:
            found = self._db.execute("SELECT key FROM bins").fetchall()
            self._db.executemany(
                "DELETE FROM bins WHERE key = ?", [row for row in found if row[0] not in keys]
            )

    def delete_request(self, record_id: str) -> None:
        """Delete a request."""
        with self._errors:
            self._db.execute("DELETE FROM requests WHERE ulid = ?", (record_id,))

    def drop_oldest(self, key: int, count: int) -> None:
        """Delete the oldest requests of a bin that are not pinned."""
        with self._errors:
            self._db.execute(
                "DELETE FROM requests WHERE id IN (SELECT id FROM requests INDEXED BY requests_by_bin"
                " WHERE bin = ? AND pinned = 0 ORDER BY id LIMIT ?)",
                (key, count),
            )

    def drop_oldest_of_all(self, count: int) -> dict[int, int]:
        """Delete the oldest requests of all bins that are not pinned.

        Returns:
            How many were deleted, by the key of their bin.
        """
        dropped: dict[int, int] = {}
        with self._errors:
            sql = "SELECT id, bin FROM requests WHERE pinned = 0 ORDER BY id LIMIT ?"
            rows = self._db.execute(sql, (count,)).fetchall()
            self._db.executemany("DELETE FROM requests WHERE id = ?", [row[:1] for row in rows])
        for _, key in rows:
            dropped[key] = dropped.get(key, 0) + 1
        return dropped

    def needs_purge(self, kept: Container[int]) -> bool:
        """Tell whether there is trash, or space to give back."""
        with self._errors:
            return trash.is_left(self._db, kept)

    def purge(self, kept: Container[int]) -> None:
        """Delete some trash, and give back some space.

        ``kept`` are the keys of all bins: the row of a new one is written
        after its first request.
        """
        with self._errors:
            trash.delete_some(self._db, kept)

    @property
    def log_bytes(self) -> int:
        """Size of the write-ahead log's file."""
        if self._file.path is None:
            return 0
        try:
            return os.stat(f"{self._file.path}-wal").st_size
        except FileNotFoundError:
            return 0

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the file; then it begins anew."""
        if not self._db.in_transaction:
            with self._errors:
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @property
    def unindexed(self) -> int:
        """How many ids the search index is behind."""
        return self._last_row - self.index.up_to

    def close_open_exchanges(self, response: SentResponse) -> None:
        """Answer what was open when the inspector ended."""
        with self._errors:
            ids = self._db.execute(
                "SELECT ulid FROM requests INDEXED BY requests_by_bin WHERE status IS NULL"
            ).fetchall()
            self._db.executemany(ANSWER, [(*response_row(response), *row) for row in ids])

    def commit(self) -> None:
        """End the transaction: all that was written survives a kill."""
        if self._db.in_transaction:
            with self._errors:
                self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was written since the last commit."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # -- reading

    @property
    def used_bytes(self) -> int:
        """Bytes of all pages in use: rows, indexes, and their overhead."""
        with self._errors:
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
            (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE_BYTES

    def record(self, stored: StoredBin, which: str) -> RequestRecord | None:
        """Return a bin's request: ``latest``, ``first``, or one by its id."""
        condition = _WHICH.get(which, "AND ulid = ?")
        parameters = (stored.key,) if which in _WHICH else (stored.key, which)
        with self._errors:
            row = self._db.execute(f"{SELECT} WHERE bin = ? {condition}", parameters).fetchone()
            return from_row(stored.name, row) if row else None

    def has(self, record_id: str) -> bool:
        """Tell whether a request is stored."""
        with self._errors:
            sql = "SELECT 1 FROM requests WHERE ulid = ?"
            return self._db.execute(sql, (record_id,)).fetchone() is not None

    def select(self, stored: StoredBin, query: RequestQuery) -> RequestPage:
        """Return the page of a bin's requests that ``query`` selects."""
        with self._errors:
            return self._selection.page(stored, query)

    def count(self, stored: StoredBin, query: RequestQuery) -> int:
        """Return how many requests match and follow ``query.after``."""
        with self._errors:
            return self._selection.count(stored, query)

    def iterate(self, stored: StoredBin) -> Iterator[RequestRecord]:
        """Yield a bin's requests, the oldest first."""
        sql = f"SELECT id FROM requests WHERE bin = ? AND id > ? ORDER BY id LIMIT {_CHUNK}"
        last = 0
        while True:
            with self._errors:
                ids = [row[0] for row in self._db.execute(sql, (stored.key, last))]
            if not ids:
                return
            last = ids[-1]
            yield from StoredRecords(self._db, stored.name, ids)

    def close(self) -> None:
        """Close the file; the last one to close it removes its log."""
        self.rollback()
        self._db.close()

    # -- errors

    def fail(self, error: sqlite3.Error) -> NotSavedError:
        """Set a damaged file aside, or roll back; return what to raise."""
        failure = storage_error(error, self._file.path)
        if self._file.path is not None and is_damage(error):
            self._db.close()
            self._file.set_aside(str(error))
            self._open()
            failure.next_step = "send again: the damaged file was set aside"
        else:
            self.rollback()
        self.on_loss(failure)
        return failure


class _Errors:
    """Raises SQLite's errors within a ``with`` block as NotSavedError.

    It has no state, so one serves all blocks: a context manager that is a
    generator takes a twentieth of the time of a commit.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise self._history.fail(error) from error
