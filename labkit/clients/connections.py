"""The connections of one handle to its lab: gateway, event log, inspector."""

from __future__ import annotations

import asyncio
import logging
import os
from importlib import import_module

from labkit.clients.call_events import CallEvents, ReadableCalls
from labkit.clients.event_subscription import unreadable
from labkit.clients.forked import keep
from labkit.clients.gateway import GatewayClient
from labkit.clients.http_client import import_httpx
from labkit.clients.inspector import InspectorClient
from labkit.clients.lab_watch import LabWatch
from labkit.workspace import LabState
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.import_on_use import import_nats

_CONNECT_SECONDS = 5.0

_START_BUSY_SECONDS = 0.1
"""For this long a starting lab keeps two cores busy; then one of them is
free."""


def log_failed_task(name: str, error: BaseException) -> None:
    """Log why a background task failed."""
    logging.getLogger("labkit.clients").error("%s failed: %r", name, error)


async def import_clients() -> None:
    """Import the clients' libraries while the lab starts.

    The first deploy and the first call come a fifth of a second sooner.
    """
    await asyncio.sleep(_START_BUSY_SECONDS)
    await asyncio.to_thread(import_httpx)
    # httpx's; with the first of these it imports what an asyncio loop needs.
    import_module("anyio").Lock()
    await asyncio.to_thread(import_nats)


class Connections:
    """Clients of one lab; connected on first use, closed together.

    Attributes:
        bins_url: Where functions' results are sent: the inspector's address
            as queue-workers reach it.
        can_cancel: Whether queued calls can be cancelled.
    """

    can_cancel = True

    def __init__(self, state: LabState, watch: LabWatch) -> None:
        """Create the clients; ``watch`` guards waiting for their answers."""
        self._state = state
        self.watch = watch
        self.gateway = GatewayClient(state.gateway_url, state.user, state.password)
        self.inspector = InspectorClient(state.inspector_url, state.inspector_token)
        self.bins_url = state.inspector_url
        self._tasks = BackgroundTasks(log_failed_task)
        self._events: tuple[CallEvents, asyncio.Task[None]] | None = None
        self._pid = os.getpid()

    def follow_events(self) -> None:
        """Begin to follow the event log.

        Nothing waits here: calls must also work while nats-server is
        unavailable.
        """
        self._follow()

    def _follow(self) -> tuple[CallEvents, asyncio.Task[None]]:
        """Return the event log, and the task that connects it."""
        if self._pid != os.getpid():
            keep(self._events, self._tasks)
            self._pid, self._events, self._tasks = os.getpid(), None, BackgroundTasks(log_failed_task)
        if self._events is None:
            # Now, not during the call that follows: it takes a tenth of a
            # second.
            import_nats()
            state = self._state
            events = CallEvents(state.nats_context, since_ns=state.started_ns)
            self._events = events, self._tasks.start(events.start(), name="connect-call-events")
        return self._events

    async def call_events(self) -> ReadableCalls:
        """Return the event log, connected."""
        events, connecting = self._follow()
        await asyncio.wait({connecting}, timeout=_CONNECT_SECONDS)
        if not connecting.done():
            expected = f"nats-server at {self._state.nats_url} within {_CONNECT_SECONDS:g} s"
            raise unreadable(expected, seen="no connection")
        connecting.result()
        return events

    async def drop_events(self) -> None:
        """Stop following, and drop what was read: the lab was reset."""
        following, self._events = self._events, None
        if self._pid != os.getpid():
            return  # they are those of the process that forked this one
        await self._tasks.cancel()
        if following is not None:
            await following[0].stop()

    async def close(self) -> None:
        """Close all connections."""
        await self.watch.close()
        await self.drop_events()
        await self.gateway.close()
        await self.inspector.close()
