"""Requests of bins that were deleted or cleared, and the space they free."""

from __future__ import annotations

import sqlite3
from collections.abc import Container

_PURGED_AT_ONCE = 500
_FREE_PAGES = 4096
"""Free pages above this number are given back to the file system, in steps."""
_PAGES_AT_ONCE = 256

_TRASH = (
    "WITH RECURSIVE keys(key) AS (SELECT min(bin) FROM requests UNION ALL"
    " SELECT (SELECT min(bin) FROM requests WHERE bin > key) FROM keys WHERE key IS NOT NULL)"
    " SELECT key FROM keys WHERE key IS NOT NULL AND key NOT IN (SELECT key FROM bins)"
)
"""The keys of requests whose bin was deleted or cleared."""


def is_left(db: sqlite3.Connection, kept: Container[int]) -> bool:
    """Tell whether there is trash, or space to give back.

    ``kept`` are the keys of all bins: the row of a new one is written after
    its first request.
    """
    return _trash(db, kept) is not None or _free_pages(db) > _FREE_PAGES


def delete_some(db: sqlite3.Connection, kept: Container[int]) -> None:
    """Delete some trash, and give back some space."""
    if (key := _trash(db, kept)) is not None:
        sql = "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE bin = ? LIMIT ?)"
        db.execute(sql, (key, _PURGED_AT_ONCE))
    if _free_pages(db) > _FREE_PAGES:
        db.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()


def _trash(db: sqlite3.Connection, kept: Container[int]) -> int | None:
    return next((key for (key,) in db.execute(_TRASH).fetchall() if key not in kept), None)


def _free_pages(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA freelist_count").fetchone()[0])
