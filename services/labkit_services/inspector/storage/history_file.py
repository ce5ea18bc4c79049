"""The file of the history: opened safely, set aside if it is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

from labkit_services.files.own_file import make_own_folder, open_own
from labkit_services.inspector.errors import NotSavedError
from labkit_services.inspector.storage.schema import NewerVersionError, migrate


class Warn(Protocol):
    """Logs a warning, as ``Log.warning`` does."""

    def __call__(self, text: str, **fields: Any) -> None:
        """Log one line with these fields."""


PAGE_BYTES = 4096

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_MOST_SET_ASIDE = 3
_SUFFIXES = ("", "-wal", "-shm")
_CACHE_KIB = 2048

# WAL: a commit appends to one file, and readers do not wait. NORMAL: no sync
# at a commit. What was committed survives the end of the process, however it
# ends, because the system has it; after a power failure the file is intact but
# may lack the last seconds. The checkpoints are left to StoreUpkeep.
_PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    f"page_size = {PAGE_BYTES}",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "wal_autocheckpoint = 0",
    f"journal_size_limit = {8 * 1024 * 1024}",
    "secure_delete = OFF",
    "temp_store = MEMORY",
    f"cache_size = -{_CACHE_KIB}",
)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that the file is damaged."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # Python's own finding, such as text that is no UTF-8
        return isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
    return code & 0xFF in _DAMAGED or is_missing_table(error)


def is_missing_table(error: sqlite3.Error) -> bool:
    """Tell whether a table or column is not as the schema has it."""
    return str(error).startswith(("no such table", "no such column"))


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process locks the file."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _BUSY


def storage_error(error: sqlite3.Error, path: Path | None) -> NotSavedError:
    """Return an SQLite error as the response to a request."""
    return NotSavedError(
        "the inspector can't save requests",
        expected=f"a writable file {path} on a disk with free space" if path else "free memory",
        seen=f"{getattr(error, 'sqlite_errorname', 'error')}: {error}",
        next_step="free some space, or stop the program that locks the file; then send again",
    )


def connect(path: Path | None) -> sqlite3.Connection:
    """Open a database without preparing it; None means in memory."""
    # The event loop uses it, and at the end another thread may close it.
    return sqlite3.connect(path or ":memory:", timeout=0.0, isolation_level=None, check_same_thread=False)


class HistoryFile:
    """A database file that is replaced by an empty one when it is damaged.

    Attributes:
        path: None means that the history is in memory only.
    """

    def __init__(self, path: Path | None, warn: Warn) -> None:
        self.path = path
        self._warn = warn

    def open(self) -> sqlite3.Connection:
        """Return a connection to a database of this version.

        A file that can't be written at all leaves the history in memory.

        Raises:
            UnsafePathError: The file is a link, or belongs to another user.
        """
        if self.path is None:
            return _prepare(None)
        try:
            make_own_folder(self.path.parent)
            self._check_files(self.path)
            return self._open(self.path)
        except (sqlite3.Error, OSError) as error:
            reason = str(error)
        self._warn("the history is kept in memory only", file=str(self.path), error=reason)
        self.path = None
        return _prepare(None)

    def set_aside(self, reason: str, label: str = "damaged") -> None:
        """Rename the file, so that a new one can be made."""
        assert self.path is not None
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}.{label}-{stamp}-{time.time_ns() % 10**9:09}")
        for suffix in _SUFFIXES:
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                source.rename(aside.with_name(aside.name + suffix))
        self._warn(
            f"the history is {label} and was set aside; starting with an empty one",
            file=str(aside),
            error=reason,
        )
        self._forget_old(self.path)

    def _open(self, path: Path) -> sqlite3.Connection:
        try:
            return _prepare(path)
        except NewerVersionError as error:
            self.set_aside(f"it has version {error}", "newer")
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self.set_aside(str(error))
        return _prepare(path)

    def _check_files(self, path: Path) -> None:
        """Create the file with mode 0600; refuse links and foreign files."""
        os.close(open_own(path, os.O_RDWR | os.O_CREAT))
        for suffix in _SUFFIXES[1:]:
            beside = path.with_name(path.name + suffix)
            if os.path.lexists(beside):
                os.close(open_own(beside, os.O_RDWR))

    def _forget_old(self, path: Path) -> None:
        """Keep only the newest of the files that were set aside."""
        aside = [
            found for found in path.parent.glob(f"{path.name}.*-*") if not found.name.endswith(_SUFFIXES[1:])
        ]
        aside.sort(key=lambda found: found.name.partition("-2")[2])
        for old in aside[:-_MOST_SET_ASIDE]:
            for suffix in _SUFFIXES:
                old.with_name(old.name + suffix).unlink(missing_ok=True)


def _prepare(path: Path | None) -> sqlite3.Connection:
    db = connect(path)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
        migrate(db)
        # Reads an index from end to end: finds a file that was cut.
        db.execute("SELECT count(*), max(id) FROM requests").fetchone()
    except BaseException:
        db.close()
        raise
    return db
