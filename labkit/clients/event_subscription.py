"""A connection to the event stream, of which every event is passed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from labkit_services.contract.errors import LabTimeoutError
from labkit_services.contract.events import Event, Row, encode_batch
from labkit_services.contract.names import event_subject
from labkit_services.jetstream.event_follower import EventFollower
from labkit_services.runtime.nats_login import NatsLogin

_CATCH_UP_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


class EventSubscription:
    """Follows the event stream over restarts of nats-server and resets."""

    def __init__(
        self,
        context: str,
        on_events: Callable[[Sequence[Event]], None],
        on_reset: Callable[[], None] = lambda: None,
        *,
        since_ns: int = 0,
    ) -> None:
        """Follow the events since a time in Unix nanoseconds.

        ``context`` is the path of a file with the login to NATS.
        ``on_reset`` is called when the lab was reset: what was read before is
        gone.
        """
        self._context = context
        self._on_events = on_events
        self._on_reset = on_reset
        self._since_ns = since_ns
        self._follower: EventFollower | None = None

    async def start(self) -> None:
        """Connect to nats-server and begin to follow.

        It waits as long as nats-server is unavailable.

        Raises:
            LabTimeoutError: The lab has just ended.
        """
        # Not at import: nats-py costs a tenth of a second.
        from nats.aio.client import Client

        from labkit_services.jetstream.client_options import client_options

        try:
            options = client_options(NatsLogin.of_context(self._context))
        except OSError as error:
            raise unreadable(f"the login to NATS in {self._context}", error.strerror or "") from error

        async def on_error(_: Exception) -> None:
            """Ignore failed reconnects: waiting for events times out."""

        async def on_reconnect() -> None:
            if self._follower is not None:
                self._follower.renew()

        self._client = Client()
        await self._client.connect(
            **options,
            name="labkit",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=on_error,
            reconnected_cb=on_reconnect,
        )
        self._follower = EventFollower(self._client, self._on_events, self._on_reset, since_ns=self._since_ns)
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

    async def publish(self, rows: list[Row], instance: str) -> None:
        """Publish the client's own events."""
        await self._client.publish(event_subject("client"), encode_batch("client", instance, rows))

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
