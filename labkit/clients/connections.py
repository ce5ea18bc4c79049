"""The connections of one handle to its lab: gateway, record of events, inspector."""

from __future__ import annotations

import asyncio
from importlib import import_module

from labkit.clients.call_events import EventFeed
from labkit.clients.gateway import GatewayClient
from labkit.clients.inspector import InspectorClient
from labkit.lab.measure import Measuring
from labkit.workspace import LabState
from labkit_services.contract.errors import LabTimeoutError

_CONNECT_SECONDS = 5.0

_OTHERS_FIRST_SECONDS = 0.1
"""So long after its beginning a lab's start keeps two cores busy; then one of them is free."""


async def import_clients() -> None:
    """Import what the connections need, while a lab starts and this process would only wait.

    The first deploy and the first call come a quarter of a second sooner.
    """
    await asyncio.sleep(_OTHERS_FIRST_SECONDS)
    for name in ("httpx", "nats.aio.client"):
        await asyncio.to_thread(import_module, name)


class Clients:
    """Opened on first use, closed together; all on the hub's loop."""

    def __init__(self, state: LabState) -> None:
        self._state = state
        self.gateway = GatewayClient(state.gateway_url, state.user, state.password)
        self.inspector = InspectorClient(state.inspector_url, state.inspector_token)
        self._feed: EventFeed | None = None
        self._opening: asyncio.Task[None] | None = None

    def follow(self) -> None:
        """Begin to follow the record of events, unless that is done; nobody waits for it.

        Calls go their way while nats-server is away, as in a drill.
        """
        if self._feed is None:
            # Now, not beside the call that follows: it takes a tenth of a second.
            import nats.aio.client  # noqa: F401

            self._feed = EventFeed(
                self._state.nats_url, self._state.nats_token, since_ns=self._state.started_ns
            )
            self._opening = asyncio.create_task(self._feed.start())

    async def feed(self) -> EventFeed:
        """Return the record of events, followed from the first time that anything asked for it.

        Raises:
            LabTimeoutError: nats-server can't be reached.
        """
        self.follow()
        assert self._feed is not None
        assert self._opening is not None
        feed, opening = self._feed, self._opening
        await asyncio.wait({opening}, timeout=_CONNECT_SECONDS)
        if not opening.done():
            raise LabTimeoutError(
                "the record of events can't be read",
                expected=f"nats-server at {self._state.nats_url} within {_CONNECT_SECONDS:g} s",
                seen="no connection",
                next_step="look at lab.status()",
            )
        opening.result()
        return feed

    async def measuring(self) -> Measuring:
        """Return what makes measured runs."""
        return Measuring(self.gateway, await self.feed())

    async def forget(self) -> None:
        """Begin the record anew: the lab was reset."""
        opening, self._opening = self._opening, None
        feed, self._feed = self._feed, None
        if opening is not None and not opening.done():
            opening.cancel()
            await asyncio.wait({opening})
        if feed is not None:
            await feed.stop()

    async def close(self) -> None:
        """Close all connections."""
        await self.forget()
        await self.gateway.close()
        await self.inspector.close()
