"""The queues that functions ask for: created when they are first needed."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError

from labkit_services.contract.errors import error_text
from labkit_services.contract.names import QUEUE_SUBJECT
from labkit_services.gateway.config import Config
from labkit_services.http import HttpError
from labkit_services.jetstream.streams import ensure_queue


class Queues:
    """Knows which queues exist for sure."""

    def __init__(self, nats: Client, config: Config) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._config = config
        self._known: set[str] = set()
        self._lock = asyncio.Lock()

    def __contains__(self, queue: str) -> bool:
        return queue in self._known

    async def ensure(self, queue: str) -> None:
        """Create a queue unless it exists, and tell the workers of it.

        Raises:
            HttpError: 500 if nats-server does not create it.
        """
        async with self._lock:
            if queue in self._known:
                return
            try:
                await ensure_queue(
                    self._js, queue, ack_wait=self._config.ack_wait, replicas=self._config.replicas
                )
                await self._nats.publish(QUEUE_SUBJECT, queue.encode())
            except (NatsError, OSError, TimeoutError) as error:
                reason = f"{error_text(error)}; see the log of nats-server"
                raise HttpError(500, f"the queue {queue} could not be created: {reason}\n") from error
            self._known.add(queue)
