"""A pull subscription on JetStream's own protocol, driven by credit.

nats-py's ``fetch`` asks for a batch and waits for it. Here requests and
messages flow independently: a slot that becomes free is asked for at once.
(Protocol: NATS ADR-13, pull subscribe internals.)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from labkit_services.contract.errors import said
from labkit_services.contract.numbers import parse_digits
from labkit_services.queue_worker.credit import Credit
from labkit_services.runtime.log import Log

_EXPIRES_SECONDS = 30.0
_GRACE_SECONDS = 5.0


class Puller:
    """Asks a durable consumer for as many messages as there is credit."""

    def __init__(
        self,
        client: Client,
        stream: str,
        consumer: str,
        credit: Credit,
        on_message: Callable[[Msg], None],
        log: Log,
    ) -> None:
        self._client = client
        self._credit = credit
        self._on_message = on_message
        self._log = log
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._loop.time()
        self._open = True
        self._sending = False

    async def start(self) -> None:
        """Subscribe and ask for the first messages."""
        await self._subscribe()
        await self.top_up()

    async def stop(self) -> None:
        """Ask for no more, and take back what was asked for."""
        self._open = False
        await self._unsubscribe()

    async def lower(self) -> None:
        """Take back what was asked for, and ask again for as many messages as there is credit.

        Else the server would go on sending, and each message that is given back has been delivered: it
        would lose an attempt.
        """
        await self._unsubscribe()
        self._credit.forget()
        if self._open:
            await self._subscribe()
            await self.top_up()

    async def _subscribe(self) -> None:
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)

    async def _unsubscribe(self) -> None:
        """Have the server drop the requests: it sends nothing to where nobody listens."""
        if self._subscription is None:
            return
        subscription, self._subscription = self._subscription, None
        try:
            await subscription.unsubscribe()
        except NatsError as error:  # the connection is gone, and the requests with it
            self._log.warning("could not take requests back", error=said(error))

    def restored(self) -> None:
        """The connection was lost and is back: the server has forgotten our requests."""
        self._credit.forget()
        self.wake()

    def wake(self) -> None:
        """Ask for more soon: there is more credit."""
        if self._open and not self._sending:
            self._sending = True
            self._task = self._loop.create_task(self.top_up())

    async def top_up(self) -> None:
        """Ask for as many messages as there is credit."""
        self._sending = False
        count = self._credit.need()
        if count == 0 or not self._open:
            return
        self._credit.ask(count)
        request = {"batch": count, "expires": int(_EXPIRES_SECONDS * 1e9)}
        try:
            await self._client.publish(self._subject, json.dumps(request).encode(), self._inbox)
        except (OSError, NatsError) as error:
            self._credit.unanswered(count)
            self._log.warning("could not ask for messages", error=said(error))

    async def check(self) -> None:
        """Ask anew if the server has been silent for longer than a request lives."""
        silent = self._loop.time() - self._last_heard
        if self._credit.asked and silent > _EXPIRES_SECONDS + _GRACE_SECONDS:
            self._log.warning("requests for messages went unanswered", seconds=f"{silent:.0f}")
            self._last_heard = self._loop.time()
            self._credit.forget()
        await self.top_up()

    async def _receive(self, message: Msg) -> None:
        self._last_heard = self._loop.time()
        status = (message.headers or {}).get("Status")
        if status is None:
            if self._open and self._credit.arrived():
                self._on_message(message)
            else:
                await message.nak()
            return
        # 408 expired, 409 consumer gone or leader changed, 503 no such consumer.
        headers = message.headers or {}
        pending = parse_digits(headers.get("Nats-Pending-Messages", ""))
        self._credit.unanswered(self._credit.asked if pending is None else pending)
        if status not in ("408", "100"):
            self._log.warning("pull request ended", status=status, reason=headers.get("Description", ""))
            await asyncio.sleep(0.2)  # the server is busy with itself; don't press it
        await self.top_up()
