"""An index of all texts by three bytes in a row, for a fast search.

It is a file of its own beside the history, made from it by StoreUpkeep a
moment after the captures: so captures do not wait for it, and a damaged one is
just made again. A search reads what is not indexed yet. Without SQLite's FTS5,
or with the history in memory, all requests are read.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from labkit_services.files.own_file import open_own
from labkit_services.inspector.queries.search_text import header_text, target_text

_SCHEMA = """
CREATE TABLE state (identity TEXT, generation INTEGER, up_to INTEGER, entries INTEGER);
CREATE TABLE unindexed (id INTEGER PRIMARY KEY)
"""
_ENTRIES = (
    "CREATE VIRTUAL TABLE {} USING fts5"
    "(target, headers, body, content='', detail=column, tokenize='trigram case_sensitive 1')"
)
_COLUMN = {"any": "", "query": "{target} : ", "headers": "{headers} : ", "body": "{body} : "}
_SHORTEST = 3  # bytes, those of an entry
_MOST_PARTS = 4
_MOST_BODY = 256 * 1024
"""A longer body has too many different parts; such a request is read."""

_BATCH_ROWS = 1000
_BATCH_BYTES = 4 * 1024 * 1024
_SLACK = 20_000
"""How many more entries than requests there may be, of dropped ones."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How to look up a text: the requests that may contain it, in two parts.

    Attributes:
        indexed: ``FROM entries JOIN requests WHERE …`` of the index; takes
            ``expression``.
        rest: The same of the requests that are not in the index.
        among: The ids of ``indexed``, without the requests.
    """

    indexed: str
    expression: str
    rest: str
    among: str


class SearchIndex:
    """The index of one history.

    Attributes:
        up_to: Id of the newest request in it.
    """

    def __init__(self, history: Path | None) -> None:
        self._history = history
        self._path = history.with_name(f"{history.name}-search") if history else None
        self._db: sqlite3.Connection | None = None
        self.up_to = 0

    def attach(self, db: sqlite3.Connection) -> None:
        """Make the index readable through a connection to the history."""
        if self._path is None:
            return
        (identity,) = db.execute("SELECT identity FROM facts").fetchone()
        try:
            self._make(identity)
            db.execute("ATTACH ? AS search", (str(self._path),))
        except (sqlite3.Error, OSError):
            return  # without an index
        self._db = db

    def discard(self) -> None:
        """Use the index no longer: it is damaged. The next start makes one."""
        self._db = None
        if self._path is not None:
            _remove(self._path)

    @property
    def in_use(self) -> bool:
        """Whether there is an index."""
        return self._db is not None

    def lookup(self, needle: bytes, place: str) -> Lookup | None:
        """Return how to look up ``needle``; None: read every request."""
        if self._db is None or len(needle) < _SHORTEST:
            return None
        try:
            row = self._db.execute("SELECT generation, up_to FROM search.state").fetchone()
        except sqlite3.Error:
            self.discard()
            return None
        generation, up_to = row
        table = f"entries_{generation}"
        among = f"SELECT rowid FROM search.{table} WHERE {table} MATCH ?"
        others = (
            f"SELECT id FROM requests WHERE id > {up_to}"
            f" UNION ALL SELECT id FROM search.unindexed WHERE id <= {up_to}"
        )
        # CROSS: read the left side first, and only those requests.
        return Lookup(
            indexed=f"search.{table} AS entries CROSS JOIN requests ON requests.id = entries.rowid"
            f" WHERE {table} MATCH ?",
            expression=_COLUMN[place] + "(" + " AND ".join(_parts(needle)) + ")",
            rest=f"({others}) AS entries CROSS JOIN requests ON requests.id = entries.id WHERE true",
            among=among,
        )

    # -- made by StoreUpkeep, in a thread, on connections of its own

    def update(self) -> bool:
        """Index some more requests; return whether there are more of them."""
        if self._path is None or self._db is None:
            return False
        index = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
        try:
            index.execute("PRAGMA synchronous = OFF")
            index.execute("ATTACH ? AS history", (str(self._history),))
            return self._index_some(index)
        finally:
            index.close()

    def _index_some(self, index: sqlite3.Connection) -> bool:
        generation, up_to, entries = index.execute("SELECT generation, up_to, entries FROM state").fetchone()
        (live,) = index.execute("SELECT count(*) FROM history.requests").fetchone()
        if entries > 2 * live + _SLACK:
            # Most entries are of requests that were dropped: start again.
            index.execute("BEGIN IMMEDIATE")
            index.execute(f"DROP TABLE entries_{generation}")
            index.execute(_ENTRIES.format(f"entries_{generation + 1}"))
            index.execute("DELETE FROM unindexed")
            index.execute("UPDATE state SET generation = generation + 1, up_to = 0, entries = 0")
            index.execute("COMMIT")
            return True
        sql = "SELECT id, target, headers, body FROM history.requests WHERE id > ? ORDER BY id LIMIT ?"
        texts, unindexed, size = [], [], 0
        for row_id, target, headers, body in index.execute(sql, (up_to, _BATCH_ROWS)):
            up_to = row_id
            if len(body) > _MOST_BODY:
                unindexed.append((row_id,))
                continue
            parts = (target_text(target), header_text(headers), body.lower())
            size += sum(map(len, parts))
            texts.append((row_id, *map(_characters, parts)))
            if size > _BATCH_BYTES:
                break
        if not texts and not unindexed:
            return False
        index.execute("BEGIN IMMEDIATE")
        insert = f"INSERT INTO entries_{generation} (rowid, target, headers, body) VALUES (?, ?, ?, ?)"
        index.executemany(insert, texts)
        index.executemany("INSERT INTO unindexed VALUES (?)", unindexed)
        index.execute("UPDATE state SET up_to = ?, entries = entries + ?", (up_to, len(texts)))
        index.execute("COMMIT")
        self.up_to = up_to
        return len(texts) + len(unindexed) == _BATCH_ROWS or size > _BATCH_BYTES

    def _make(self, identity: str) -> None:
        """Make an empty index if there is none of this history."""
        assert self._path is not None
        os.close(open_own(self._path, os.O_RDWR | os.O_CREAT))
        try:
            if self._is_of(identity):
                return
        except sqlite3.Error:
            pass  # damaged, or new
        _remove(self._path)
        os.close(open_own(self._path, os.O_RDWR | os.O_CREAT))
        index = sqlite3.connect(self._path, isolation_level=None)
        try:
            index.execute("PRAGMA journal_mode = WAL")
            index.execute("BEGIN")
            for statement in _SCHEMA.split(";"):
                index.execute(statement)
            index.execute(_ENTRIES.format("entries_1"))
            index.execute("INSERT INTO state VALUES (?, 1, 0, 0)", (identity,))
            index.execute("COMMIT")
        finally:
            index.close()

    def _is_of(self, identity: str) -> bool:
        index = sqlite3.connect(self._path or "", isolation_level=None)
        try:
            row = index.execute("SELECT identity, generation FROM state").fetchone()
            if row is None or row[0] != identity:
                return False
            index.execute(f"SELECT rowid FROM entries_{row[1]} WHERE entries_{row[1]} MATCH 'abc'").fetchone()
            return True
        finally:
            index.close()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _characters(text: bytes) -> str:
    """Return one character for each byte; FTS5 would stop at a NUL."""
    return text.decode("latin-1").replace("\0", "\u0100")


def _parts(needle: bytes) -> list[str]:
    """Return some parts of a text, which all requests with it have."""
    text = _characters(needle)
    last = len(text) - _SHORTEST
    count = min(_MOST_PARTS, last + 1)
    starts = sorted({round(number * last / max(count - 1, 1)) for number in range(count)})
    return ['"' + text[start : start + _SHORTEST].replace('"', '""') + '"' for start in starts]
