"""The queues that functions name: created when they are first needed."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

from labkit_services.contract.names import QUEUE_SUBJECT
from labkit_services.gateway.config import GatewayConfig
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.jetstream.streams import ensure_queue


class QueueRegistry:
    """Knows which queues exist for certain."""

    def __init__(self, nats: Client, config: GatewayConfig) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._config = config
        self._existing: set[str] = set()
        self._lock = asyncio.Lock()

    def __contains__(self, queue: str) -> bool:
        return queue in self._existing

    async def ensure(self, queue: str) -> None:
        """Create a queue unless it exists, and announce it.

        Raises:
            HttpError: 500 if nats-server does not create it.
        """
        config = self._config
        async with self._lock:
            if queue in self._existing:
                return
            with nats_errors_as(500, f"queue {queue} could not be created"):
                await ensure_queue(self._js, queue, ack_wait=config.ack_wait, settings=config.streams)
                await self._nats.publish(QUEUE_SUBJECT, queue.encode())
            self._existing.add(queue)
