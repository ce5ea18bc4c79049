"""Waiting until a bin holds enough requests that match."""

from __future__ import annotations

import asyncio

from labkit_services.inspector.filters import Listing
from labkit_services.inspector.store import Change, ChangeKind, Store


class _Waiter:
    """One caller; ``woken`` is done as soon as looking again is worth it."""

    __slots__ = ("bin", "listing", "missing", "woken")

    def __init__(self, bin_name: str, listing: Listing, missing: int, woken: asyncio.Future[None]) -> None:
        self.bin = bin_name
        self.listing = listing
        self.missing = missing
        self.woken = woken

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class WaitingRoom:
    """Everyone who waits for requests.

    Counting and joining the room happen without a pause in between, so a
    request that arrives at any moment is either counted or wakes the waiter.
    A new request is matched once for each waiter; the bin is not searched again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiters: set[_Waiter] = set()
        self._closed = False
        store.listeners.append(self._on_change)

    async def until_enough(self, bin_name: str, listing: Listing) -> bool:
        """Return once ``listing.minimum`` requests match; False if its time was up before.

        Ends early when the bin is deleted or the inspector stops.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + listing.wait
        while (missing := listing.minimum - self._matches(bin_name, listing)) > 0:
            if self._closed or bin_name not in self._store.bins:
                return False
            waiter = _Waiter(bin_name, listing, missing, loop.create_future())
            self._waiters.add(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    await waiter.woken
            except TimeoutError:
                return False
            finally:
                self._waiters.discard(waiter)
        return True

    def _matches(self, bin_name: str, listing: Listing) -> int:
        target = self._store.bins.get(bin_name)
        if target is None:
            return 0
        return sum(listing.reaches(record) and listing.filter(record) for record in target.records.values())

    def _on_change(self, change: Change) -> None:
        for waiter in self._waiters:
            if waiter.bin != change.bin.name:
                continue
            if change.kind is ChangeKind.BIN_DELETED:
                waiter.wake()
            elif change.kind is ChangeKind.REQUEST_RECEIVED and change.record is not None:
                waiter.missing -= waiter.listing.filter(change.record)
                if waiter.missing <= 0:
                    waiter.wake()

    def close(self) -> None:
        """Send everyone home: the inspector stops."""
        self._closed = True
        for waiter in self._waiters:
            waiter.wake()
