"""Messages of one durable consumer, worked on at most so many at once, each leased while it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from labkit_services.contract.errors import said
from labkit_services.queue_worker.credit import Credit
from labkit_services.queue_worker.puller import Puller
from labkit_services.runtime.log import Log

Handle = Callable[[Msg], Awaitable[None]]
"""Works on one message and settles it; when it raises, the lease runs out and the message comes again."""


class Consumer:
    """Gives each message to ``handle``, and holds its lease until that is done.

    If this process dies, JetStream gives the message to the next worker
    once ``ack_wait`` is over.
    """

    def __init__(
        self, nats: Client, stream: str, durable: str, handle: Handle, *, max_inflight: int, log: Log
    ) -> None:
        self._log = log
        self._handle = handle
        self._credit = Credit(max_inflight)
        self._puller = Puller(nats, stream, durable, self._credit, self._deliver, log)
        self._running: dict[asyncio.Task[None], Msg] = {}
        self.redelivered = 0

    @property
    def in_flight(self) -> int:
        """How many messages are being worked on."""
        return self._credit.in_flight

    @property
    def max_inflight(self) -> int:
        """How many may be, at once."""
        return self._credit.max_inflight

    async def set_max_inflight(self, count: int) -> None:
        """Change how many, from now on; those that run finish."""
        is_lower = count < self._credit.max_inflight
        self._credit.max_inflight = count
        if is_lower:
            await self._puller.lower()
        else:
            self._puller.wake()

    async def start(self) -> None:
        """Begin to take messages."""
        await self._puller.start()

    def restored(self) -> None:
        """Go on after the connection to nats-server came back."""
        self._puller.restored()

    async def keep(self) -> None:
        """Renew the leases of what runs, and see that the puller is not waiting in vain.

        To be called a few times within ``ack_wait``.
        """
        for message in list(self._running.values()):
            await settle(message.in_progress(), self._log)
        await self._puller.check()

    async def pause(self) -> None:
        """Take no more."""
        await self._puller.stop()

    async def drain(self) -> None:
        """Wait until what runs is done."""
        if self._running:
            await asyncio.wait(list(self._running))

    async def abandon(self) -> None:
        """Break off what still runs; another worker gets it at once."""
        for task, message in list(self._running.items()):
            task.cancel()
            await settle(message.nak(), self._log)

    def _deliver(self, message: Msg) -> None:
        if (message.metadata.num_delivered or 1) > 1:
            self.redelivered += 1
        task = asyncio.ensure_future(self._handle(message))
        self._running[task] = message
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._credit.done()
        self._puller.wake()
        if not task.cancelled() and (error := task.exception()):
            # The lease runs out and the message comes again.
            self._log.error(f"delivery failed: {error!r}")


async def settle(acknowledgement: Awaitable[None], log: Log) -> None:
    """Send an ack or nak; if it can't be sent, the message comes again: at least once."""
    try:
        await acknowledgement
    except (OSError, NatsError) as error:
        log.warning("acknowledgement lost, the message will come again", error=said(error))
