"""The calls of the running lab: follows the event log while it is needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from labkit_services.call_record.call_index import CallIndex, IndexedCall
from labkit_services.call_record.log import Call
from labkit_services.contract.events import Event
from labkit_services.inspector.errors import UnavailableError
from labkit_services.jetstream.event_follower import EventFollower
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

if TYPE_CHECKING:
    from nats.aio.client import Client

_HISTORY_SECONDS = 3600.0
_CATCH_UP_SECONDS = 5.0
_FOLLOW_SECONDS = 60.0
"""How long to follow the event log after a request: longer than any response
may be delayed."""
_UNKNOWN_CALL_SECONDS = 0.5
"""A call that was accepted a moment ago may not be in the event log yet: how
long to wait for it."""
_STEP = 20
"""Calls that are derived before others may use the event loop: a few
milliseconds."""


class CallFeed:
    """Follows the event log for a while after each use, and while pages do.

    So an idle inspector costs nothing. Following all the time would take a
    sixth of the time of an accept.

    Attributes:
        index: The calls.
        changed: Set, and replaced by another, when there are new events.
        resets: How often the lab was reset: what was read before is gone.
    """

    def __init__(self, on_failure: OnFailure) -> None:
        self.index = CallIndex()
        self.changed = asyncio.Event()
        self.resets = 0
        self._follower: EventFollower | None = None
        self._tasks = BackgroundTasks(on_failure)
        self._stop_timer: asyncio.TimerHandle | None = None
        self._users = 0
        self._untaken: dict[int, IndexedCall] = {}

    def start(self, client: Client) -> None:
        """Use a connection to nats-server; nothing is followed yet."""
        since = time.time_ns() - int(_HISTORY_SECONDS * 1e9)
        self._follower = EventFollower(client, self._on_events, self._on_reset, since_ns=since)
        if self._users:
            self._follower.start()

    async def stop(self) -> None:
        """Stop following."""
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        await self._tasks.cancel()
        if self._follower is not None:
            await self._follower.stop()

    def reconnected(self) -> None:
        """Continue after the connection to nats-server was restored."""
        if self._follower is not None:
            self._follower.renew()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the event log for the time of a ``with`` block and after."""
        self._users += 1
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        if self._follower is not None:
            self._follower.start()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                loop = asyncio.get_running_loop()
                self._stop_timer = loop.call_later(_FOLLOW_SECONDS, self._stop_following)

    def _stop_following(self) -> None:
        if self._follower is not None and not self._users:
            self._tasks.start(self._follower.stop(), name="stop following the event log")

    async def catch_up(self) -> None:
        """Read what is in the event log now, or what of it can be read.

        Raises:
            UnavailableError: nats-server was not reached yet.
        """
        from nats.errors import Error as NatsError  # imported before, by the connection

        if self._follower is None:
            raise UnavailableError(
                "the calls are not known yet",
                expected="a connection to the lab's nats-server",
                seen="the inspector has not reached it",
                next_step="try again in a moment; see labkit status",
            )
        # On an error it is what has been read so far. A timeout is an OSError.
        with self.followed(), suppress(NatsError, OSError):
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                await self._follower.read_to_end()

    async def find(
        self, call_id: str, function: str = "", wait: float = 0.0, is_done: Callable[[Call], bool] = bool
    ) -> Call | None:
        """Return a call once ``is_done``, or as it is after ``wait`` seconds.

        None if it is unknown.
        """
        await self.catch_up()
        now = asyncio.get_running_loop().time
        unknown_until, wait_until = now() + _UNKNOWN_CALL_SECONDS, now() + wait
        while True:
            changed = self.changed
            call = self.index.log.get(call_id, function)
            deadline = unknown_until if call is None else wait_until
            if now() >= deadline or (call is not None and is_done(call)):
                return call
            with suppress(TimeoutError):  # then it returns at the deadline
                async with asyncio.timeout_at(deadline):
                    await changed.wait()

    async def refresh(self) -> None:
        """Derive the changed calls."""
        while self.index.is_stale:
            self._untaken.update((entry.number, entry) for entry in self.index.refresh(_STEP))
            await asyncio.sleep(0)
        if not self._users:
            self._untaken.clear()  # no page is open

    @property
    def has_changed(self) -> bool:
        """Whether ``take_changed`` has something to return."""
        return self.index.is_stale or bool(self._untaken)

    async def take_changed(self) -> list[IndexedCall]:
        """Return the calls that changed since it was asked last.

        Whoever derived them: a list that was asked for meanwhile counts, too.
        """
        await self.refresh()
        changed = list(self._untaken.values())
        self._untaken.clear()
        return changed

    def _on_events(self, events: Sequence[Event]) -> None:
        self.index.apply(events)
        self._announce()

    def _on_reset(self) -> None:
        self.index.clear()
        self._untaken.clear()
        self.resets += 1
        self._announce()

    def _announce(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()  # waiters hold the one that is set
