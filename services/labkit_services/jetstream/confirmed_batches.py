"""Messages that are sent again until JetStream has stored them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

from nats.aio.msg import Msg

from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.runtime.background_tasks import BackgroundTasks

_REPEAT_SECONDS = 1.0
_MAX_WAITING = 2000
_MAX_BYTES = 8 * 1024 * 1024


class ConfirmedBatches:
    """Sends batches without waiting for JetStream, which confirms each.

    A batch that is not confirmed is kept and sent again: the disk may be full,
    or nats-server was killed before it had read everything. The newest 2,000
    are kept, or 8 MiB.
    """

    def __init__(self, client: Client, tasks: BackgroundTasks, on_lost: Callable[[int], None]) -> None:
        """Call ``on_lost`` with the number of batches that are dropped."""
        self._client = client
        self._tasks = tasks
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._prefix = client.new_inbox() + "."
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[float, str, bytes]] = {}
        self._size = 0
        self._subscribed: asyncio.Task[None] | None = None
        self._repeating: asyncio.Task[None] | None = None

    async def send(self, subject: str, body: bytes) -> None:
        """Send a batch; return when it is on its way."""
        number = next(self._numbers)
        self._waiting[number] = (self._loop.time(), subject, body)
        self._size += len(body)
        self._drop_oldest()
        if self._subscribed is None:
            self._subscribed = self._tasks.start(self._subscribe(), name="subscribe to confirmations")
        await asyncio.wait({self._subscribed})
        if self._repeating is None or self._repeating.done():
            self._repeating = self._tasks.start(self._repeat(), name="send batches again")
        await self._publish(number)

    async def _subscribe(self) -> None:
        await self._client.subscribe(self._prefix + "*", cb=self._on_ack)

    async def _publish(self, number: int) -> None:
        if (found := self._waiting.get(number)) is not None:
            _, subject, body = found
            self._waiting[number] = (self._loop.time(), subject, body)
            with suppress(OSError, NatsError):  # it is sent again
                await self._client.publish(subject, body, f"{self._prefix}{number}")

    async def _on_ack(self, message: Msg) -> None:
        # Empty means that there is no stream for the subject (yet).
        if message.data and b'"error"' not in message.data:
            self._forget(int(message.subject[len(self._prefix) :]))

    def _forget(self, number: int) -> None:
        if (found := self._waiting.pop(number, None)) is not None:
            self._size -= len(found[2])

    def _drop_oldest(self) -> None:
        dropped = 0
        while len(self._waiting) > _MAX_WAITING or (self._size > _MAX_BYTES and len(self._waiting) > 1):
            self._forget(next(iter(self._waiting)))
            dropped += 1
        if dropped:
            self._on_lost(dropped)

    async def _repeat(self) -> None:
        """Send the oldest again, and all others once it is confirmed."""
        while self._waiting:
            oldest = next(iter(self._waiting))
            await asyncio.sleep(_REPEAT_SECONDS)
            if not self._client.is_connected:
                continue  # what nats-py buffers is on its way already
            overdue = self._loop.time() - _REPEAT_SECONDS
            late = [number for number, (sent, _, _) in self._waiting.items() if sent <= overdue]
            for number in late[:1] if oldest in self._waiting else late:
                await self._publish(number)
