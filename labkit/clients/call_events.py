"""The lab's events, followed as they are published and reduced to calls."""

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
_CLOSE_SECONDS = 2.0
_LAB_EVENTS = 1_000


class CallEvents:
    """Follows the event stream.

    Attributes:
        log: The newest ten thousand calls.
        lab_events: The newest events that belong to no call: services and
            faults.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        since_ns: int = 0,
        on_events: Callable[[Sequence[Event]], None] | None = None,
    ) -> None:
        """Follow the events since a time; ``on_events`` gets them, too.

        Without it only those of the last ten minutes are read.
        """
        self._url = url
        self._token = token
        oldest = 0 if on_events else time.time_ns() - int(_HISTORY_SECONDS * 1e9)
        self._since_ns = max(since_ns, oldest)
        self._on_events = on_events
        self.log = CallLog()
        self.lab_events: deque[Event] = deque(maxlen=_LAB_EVENTS)
        self._changed = asyncio.Event()
        self._follower: EventFollower | None = None

    async def start(self) -> None:
        """Connect to nats-server and begin to follow."""
        # Not at import: nats-py costs a tenth of a second.
        from nats.aio.client import Client

        async def on_error(_: Exception) -> None:
            """Ignore failed reconnects: waiting for events times out."""

        async def on_reconnect() -> None:
            if self._follower is not None:
                self._follower.renew()

        self._client = Client()
        await self._client.connect(
            self._url,
            token=self._token,
            name="labkit",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=on_error,
            reconnected_cb=on_reconnect,
        )
        self._follower = EventFollower(self._client, self._apply, self._clear, since_ns=self._since_ns)
        self._follower.start()

    async def stop(self) -> None:
        """Stop following."""
        if self._follower is not None:
            from nats.errors import Error as NatsError

            await self._follower.stop()
            self._follower = None
            # A server that is gone must not delay the end.
            with contextlib.suppress(NatsError, OSError):  # a timeout is an OSError
                await asyncio.wait_for(self._client.close(), _CLOSE_SECONDS)

    def _apply(self, events: Sequence[Event]) -> None:
        if self._on_events is not None:
            self._on_events(events)
        for event in events:
            self.log.apply(event)
            if not event.call_id:
                self.lab_events.append(event)
        self._changed.set()

    def _clear(self) -> None:
        self.log = CallLog()
        self.lab_events.clear()

    async def publish(self, rows: list[Row], instance: str) -> None:
        """Publish the client's own events."""
        await self._client.publish(event_subject("client"), encode_batch("client", instance, rows))

    async def until(
        self,
        check: Callable[[CallLog], T | None],
        timeout: float,
        *,
        expected: str,
        describe: Callable[[CallLog], str] = lambda _: "",
    ) -> T:
        """Call ``check`` after every event until its result is not None.

        ``describe`` tells what the log shows instead, for the error.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._changed.clear()
                    if (found := check(self.log)) is not None:
                        return found
                    await self._changed.wait()
        except TimeoutError:
            if (found := check(self.log)) is not None:
                return found
            raise LabTimeoutError(
                f"timed out after {timeout:g} s",
                expected=expected,
                seen=describe(self.log) or "no such event in the event log",
                next_step="look at the logs: lab.logs('queue-worker'), lab.logs('gateway')",
            ) from None

    async def catch_up(self, timeout: float = _CATCH_UP_SECONDS) -> None:
        """Wait until the events that are in the stream now have been read."""
        from nats.errors import Error as NatsError

        assert self._follower is not None
        try:
            async with asyncio.timeout(timeout):
                await self._follower.read_to_end()
        except (NatsError, OSError) as error:  # a timeout is an OSError
            seen = "nats-server is unavailable, or the event log is very long"
            raise unreadable(f"all events within {timeout:g} s", seen) from error


def unreadable(expected: str, seen: str) -> LabTimeoutError:
    """Return the error for an event log that can't be read."""
    return LabTimeoutError(
        "the event log can't be read", expected=expected, seen=seen, next_step="look at lab.status()"
    )
