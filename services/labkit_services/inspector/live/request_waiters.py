"""Waiting until a bin holds enough requests that match."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from labkit_services.inspector.queries.request_query import RequestQuery
from labkit_services.inspector.storage.bin_store import BinStore
from labkit_services.inspector.storage.changes import ChangeKind, StoreChange


@dataclass(slots=True, eq=False)
class _Waiter:
    bin: str
    query: RequestQuery
    missing: int
    count_again: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def decisive(self) -> ChangeKind:
        """The change that decides whether a request matches."""
        by_response = self.query.filter.status is not None
        return ChangeKind.REQUEST_ANSWERED if by_response else ChangeKind.REQUEST_RECEIVED


class RequestWaiters:
    """All clients that wait for requests, or for any change of a bin.

    Counting and registering a waiter happen without a pause in between, so a
    request that arrives at any moment is either counted or wakes the waiter. A
    new request is matched once for each waiter; the bin is not searched again.
    """

    def __init__(self, store: BinStore) -> None:
        self._store = store
        self._waiters: set[_Waiter] = set()
        self._changes: dict[str, asyncio.Event] = {}
        self._closed = False
        store.listeners.add(self._on_change)

    async def wait(self, bin_name: str, query: RequestQuery) -> bool:
        """Wait for ``query.minimum`` matches; return False on timeout.

        It also returns False when the bin is deleted or the inspector stops.
        """
        deadline = asyncio.get_running_loop().time() + query.wait
        while (missing := query.minimum - self._store.count(bin_name, query)) > 0:
            if self._closed or bin_name not in self._store.bins:
                return False
            waiter = _Waiter(bin_name, query, missing)
            self._waiters.add(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    await waiter.count_again.wait()
            except TimeoutError:
                return False
            finally:
                self._waiters.discard(waiter)
        return True

    async def changed(self, bin_name: str, seconds: float) -> bool:
        """Wait for the next change of a bin; return False on timeout.

        It also returns False when the inspector stops.
        """
        if self._closed or seconds <= 0:
            return False
        change = self._changes.setdefault(bin_name, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await change.wait()
        except TimeoutError:
            return False
        return not self._closed

    def _on_change(self, change: StoreChange) -> None:
        if not (self._changes or self._waiters):
            return
        if (happened := self._changes.pop(change.bin.name, None)) is not None:
            happened.set()
        for waiter in self._waiters:
            if waiter.bin != change.bin.name:
                continue
            if change.kind is ChangeKind.BIN_DELETED:
                waiter.count_again.set()
            elif change.kind is waiter.decisive and change.record is not None:
                waiter.missing -= waiter.query.filter(change.record)
                if waiter.missing <= 0:
                    waiter.count_again.set()

    def close(self) -> None:
        """Wake all waiters: the inspector stops."""
        self._closed = True
        for happened in self._changes.values():
            happened.set()
        for waiter in self._waiters:
            waiter.count_again.set()
