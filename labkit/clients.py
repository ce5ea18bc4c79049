"""The connections of one handle to its lab: gateway, record of events, inspector."""

from __future__ import annotations

import asyncio

from labkit.bins import InspectorClient
from labkit.feed import EventFeed
from labkit.gateway import GatewayClient
from labkit.measuring import Measuring
from labkit.workspace import LabState


class Clients:
    """Opened on first use, closed together; all on the hub's loop."""

    def __init__(self, state: LabState) -> None:
        self._state = state
        self.gateway = GatewayClient(state.gateway_url, state.user, state.password)
        self.inspector = InspectorClient(state.inspector_url, state.inspector_token)
        self._feed: EventFeed | None = None
        self._opening = asyncio.Lock()

    async def feed(self) -> EventFeed:
        """Return the record of events, followed from the first time this is asked for.

        Raises:
            LabGoneError: nats-server can't be reached.
        """
        async with self._opening:
            if self._feed is None:
                feed = EventFeed(
                    self._state.nats_url, self._state.nats_token, since_ns=self._state.started_ns
                )
                await feed.start()
                self._feed = feed
            return self._feed

    async def measuring(self) -> Measuring:
        """Return what makes measured runs."""
        return Measuring(self.gateway, await self.feed())

    async def forget(self) -> None:
        """Begin the record anew: the lab was reset."""
        if self._feed is not None:
            feed, self._feed = self._feed, None
            await feed.stop()

    async def close(self) -> None:
        """Close all connections."""
        await self.forget()
        await self.gateway.close()
        await self.inspector.close()
