"""The queues that functions name: created when they are first needed."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from labkit_services.contract.errors import said
from labkit_services.contract.names import QUEUE_SUBJECT
from labkit_services.gateway.config import GatewayConfig
from labkit_services.http import HttpError
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
        """Create a queue unless it exists, and announce it to the queue-workers.

        Raises:
            HttpError: 500 if nats-server does not create it.
        """
        async with self._lock:
            if queue in self._existing:
                return
            try:
                await ensure_queue(
                    self._js, queue, ack_wait=self._config.ack_wait, replicas=self._config.replicas
                )
                await self._nats.publish(QUEUE_SUBJECT, queue.encode())
            except (NatsError, OSError, TimeoutError) as error:
                text = f"the queue {queue} could not be created: {said(error)}; see the log of nats-server\n"
                raise HttpError(500, text) from error
            self._existing.add(queue)
