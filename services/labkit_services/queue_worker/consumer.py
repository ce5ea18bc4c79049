"""Process a durable consumer's messages, at most ``max_inflight`` at once.

Each message is leased while it is processed, and settled here by its handler's
verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from labkit_services.jetstream.connection import Client
from labkit_services.jetstream.delivered_message import ACK, IN_PROGRESS, TERM, DeliveredMessage, nak
from labkit_services.queue_worker.inflight_limit import Credit
from labkit_services.queue_worker.puller import Puller, PullSource
from labkit_services.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Ack:
    """Remove the message from its queue: nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Nak:
    """Deliver the message again, after ``delay`` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Term:
    """Remove the message from its queue: it can't be processed."""


Verdict = Ack | Nak | Term
"""How a handler wants a delivered message to be settled."""

Handle = Callable[[DeliveredMessage], Awaitable[Verdict]]
"""Processes a message. If it raises, the lease runs out and the message is
delivered again."""


class Consumer:
    """Passes each message to ``handle`` and settles it by the verdict.

    If this process dies, JetStream delivers the message to another worker when
    ``ack_wait`` has passed. ``redelivered`` counts messages delivered before.
    """

    def __init__(
        self, nats: Client, source: PullSource, handle: Handle, max_inflight: int, service: Service
    ) -> None:
        self._service = service
        self._log = service.log
        self._handle = handle
        self.credit = Credit(max_inflight)
        self._puller = Puller(nats, source, self.credit, self._deliver, service.log)
        self._pull_task = f"pull messages of {source.stream}"
        self._loop = asyncio.get_running_loop()
        self._running: dict[asyncio.Task[None], DeliveredMessage] = {}
        self.redelivered = 0

    async def set_max_inflight(self, count: int) -> None:
        """Change the limit; running calls finish."""
        is_lower = count < self.credit.max_inflight
        self.credit.max_inflight = count
        if is_lower:
            await self._puller.withdraw()
        else:
            self._puller.wake()

    async def start(self) -> None:
        """Begin to receive messages."""
        await self._puller.start()
        self._service.tasks.start(self._puller.run(), name=self._pull_task)

    def restored(self) -> None:
        """Continue after the connection to nats-server was restored."""
        self._puller.restored()

    async def renew(self) -> None:
        """Extend running messages' leases; repeat requests that were lost."""
        for message in list(self._running.values()):
            await self._puller.send(message.reply, IN_PROGRESS)
        await self._puller.check()

    async def pause(self) -> None:
        """Receive no more messages."""
        await self._puller.stop()

    async def drain(self) -> None:
        """Wait until the running messages are processed."""
        if self._running:
            await asyncio.wait(list(self._running))

    async def abandon(self) -> None:
        """Cancel what still runs; another worker gets it at once."""
        for task, message in list(self._running.items()):
            task.cancel()
            await self._puller.send(message.reply, nak())

    def _deliver(self, message: DeliveredMessage) -> None:
        if message.num_delivered > 1:
            self.redelivered += 1
        task = self._loop.create_task(self._process(message), name="delivery")
        self._running[task] = message
        task.add_done_callback(self._done)

    async def _process(self, message: DeliveredMessage) -> None:
        try:
            verdict = await self._handle(message)
        finally:
            self.credit.finish()
        match verdict:
            case Ack():
                await self._puller.send(message.reply, ACK)
                return
            case Nak(delay):
                await self._puller.send(message.reply, nak(delay))
            case Term():
                await self._puller.send(message.reply, TERM)
        self._puller.wake()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if task.cancelled():
            self._puller.wake()
        elif error := task.exception():
            self._puller.wake()
            self._log.error(f"delivery failed: {error!r}")
