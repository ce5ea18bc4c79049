"""The record of what happens, followed as it grows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from labkit_services.call_record.log import CallLog
from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.events import Event, Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.event_follower import EventFollower

T = TypeVar("T")

_HISTORY_SECONDS = 600.0
_CATCH_UP_SECONDS = 10.0
_LAB_EVENTS = 1_000


class EventFeed:
    """Follows the stream of events and reduces it to calls.

    Attributes:
        log: The calls, the newest ten thousand.
        of_lab: The newest events that belong to no call: services and faults.
    """

    def __init__(self, url: str, token: str, *, since_ns: int = 0) -> None:
        self._url = url
        self._token = token
        self._since_ns = max(since_ns, time.time_ns() - int(_HISTORY_SECONDS * 1e9))
        self.log = CallLog()
        self.of_lab: deque[Event] = deque(maxlen=_LAB_EVENTS)
        self._changed = asyncio.Event()
        self._follower: EventFollower | None = None

    async def start(self) -> None:
        """Connect and begin to follow.

        Raises:
            OSError, nats.errors.Error: nats-server can't be reached.
        """
        # Not at import: nats-py costs a tenth of a second.
        from nats.aio.client import Client

        async def quiet(_: Exception) -> None:
            """nats-py reports each failed reconnect; what follows from it is seen elsewhere."""

        async def on_reconnect() -> None:
            if self._follower is not None:
                self._follower.renew()

        patience: int = 1
        self._client = Client()
        await self._client.connect(
            self._url,
            token=self._token,
            name="labkit",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=patience,
            error_cb=quiet,
            reconnected_cb=on_reconnect,
        )
        self._follower = EventFollower(self._client, self._take, self._forget, since_ns=self._since_ns)
        self._follower.start()

    async def stop(self) -> None:
        """Stop following."""
        if self._follower is not None:
            await self._follower.stop()
            self._follower = None
            # A server that has gone must not hold up the end.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.close(), 2)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.call_id:
                self.log.apply(event)
            else:
                self.of_lab.append(event)
        self._changed.set()

    def _forget(self) -> None:
        self.log = CallLog()
        self.of_lab.clear()

    async def publish(self, rows: list[Row], instance: str) -> None:
        """Add the client's own events to the record."""
        await self._client.publish(event_subject("client"), encode_batch("client", instance, rows))

    async def until(self, check: Callable[[CallLog], T | None], patience: float, *, expected: str) -> T:
        """Return the first answer of ``check`` that is not None, looked for after every change.

        Raises:
            LabTimeoutError: None came within ``patience`` seconds.
        """
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            self._changed.clear()
            found = check(self.log)
            if found is not None:
                return found
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise LabTimeoutError(
                    f"waited {patience:g} s in vain",
                    expected=expected,
                    seen="the record of events does not show it",
                    next_step="look at the logs: lab.logs('queue-worker'), lab.logs('gateway')",
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), remaining)

    async def caught_up(self, patience: float = _CATCH_UP_SECONDS) -> None:
        """Wait until what is in the stream now has been read.

        Raises:
            LabTimeoutError: That took more than ``patience`` seconds.
        """
        from nats.errors import Error as NatsError

        assert self._follower is not None
        try:
            async with asyncio.timeout(patience):
                await self._follower.read_to_end()
        except (NatsError, OSError) as error:  # a timeout is an OSError, too
            raise LabTimeoutError(
                "the record of events could not be read",
                expected=f"its end within {patience:g} s",
                seen="nats-server is away, or the record is very long",
                next_step="look at lab.status()",
            ) from error
