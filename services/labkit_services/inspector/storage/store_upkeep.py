"""Background work on the history: search index, checkpoints, deleting."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path

from labkit_services.inspector.errors import NotSavedError
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.history_file import connect

_PAUSE_SECONDS = 0.25
_UNINDEXED_ROWS = 3000
"""While requests keep coming, so many may wait for the search index."""

_LOG_BYTES = 8 * 1024 * 1024
"""From this size on, the write-ahead log is copied into the file."""


class StoreUpkeep:
    """Does after captures what need not be done before their response."""

    def __init__(self, store: BinStore) -> None:
        self._store = store

    async def run(self) -> None:
        """Work after each commit, until cancelled."""
        committed = self._store.writer.committed
        while True:
            await committed.wait()
            committed.clear()
            await asyncio.sleep(_PAUSE_SECONDS)
            more = True
            while more:
                more = await self._purge()
                await self._checkpoint()
                behind = self._store.unindexed
                if behind > _UNINDEXED_ROWS or (behind and not committed.is_set()):
                    more = await self._index() or more

    async def _purge(self) -> bool:
        try:
            more = self._store.purge()
            await self._store.saved()
        except NotSavedError:
            return False  # tried again after the next commit
        return more

    async def _checkpoint(self) -> None:
        path = self._store.path
        if path is None or self._store.log_bytes < _LOG_BYTES:
            return
        # In a thread, because it waits for the disk. What was committed
        # meanwhile is little: with it copied, too, the log begins anew.
        await asyncio.to_thread(_checkpoint, path)
        with suppress(NotSavedError):  # which the next commit reports
            self._store.checkpoint()

    async def _index(self) -> bool:
        index = self._store.index
        try:
            return await asyncio.to_thread(index.update)
        except sqlite3.Error:
            index.discard()
            return False


def _checkpoint(path: Path) -> None:
    db = connect(path)
    try:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error:
        return  # the next write to the file has the same error, and reports it
    finally:
        db.close()
