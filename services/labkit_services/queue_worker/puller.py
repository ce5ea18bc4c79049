"""A pull subscription on JetStream's own protocol, with flow control.

nats-py's ``fetch`` requests a batch and waits for it. Here requests and
messages flow independently: a free slot is requested at once. (Protocol: NATS
ADR-13, pull subscribe internals.)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from labkit_services.contract.errors import error_text
from labkit_services.contract.numbers import parse_digits
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.queue_worker.inflight_limit import Credit
from labkit_services.runtime.log import Log

_EXPIRES_SECONDS = 30.0
_GRACE_SECONDS = 5.0
_BUSY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class PullSource:
    """The durable consumer of a stream that messages are pulled from."""

    stream: str
    consumer: str


class Puller:
    """Requests as many messages as there is credit."""

    def __init__(
        self, client: Client, source: PullSource, credit: Credit, on_message: Callable[[Msg], None], log: Log
    ) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{source.stream}.{source.consumer}"
        self._credit = credit
        self._on_message = on_message
        self._log = log
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._loop = asyncio.get_running_loop()
        self._last_message_at = self._loop.time()
        self._open = True
        self._has_credit = asyncio.Event()

    async def start(self) -> None:
        """Subscribe and request the first messages."""
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)
        await self._request()

    async def run(self) -> None:
        """Request messages whenever ``wake`` is called, until cancelled."""
        while True:
            await self._has_credit.wait()
            self._has_credit.clear()
            await self._request()

    def wake(self) -> None:
        """Request more messages soon: there is more credit."""
        self._has_credit.set()

    async def stop(self) -> None:
        """Request no more, and withdraw the open requests."""
        self._open = False
        await self._unsubscribe()

    async def withdraw(self) -> None:
        """Replace the open requests by as many as there is credit.

        After ``max_inflight`` was lowered the server would still send for the
        old requests. A message that is returned counts as delivered: it would
        lose an attempt.
        """
        await self._unsubscribe()
        self._credit.requested = 0
        if self._open:
            await self.start()

    def restored(self) -> None:
        """Request again after a reconnect: the server forgot the requests."""
        self._credit.requested = 0
        self.wake()

    async def check(self) -> None:
        """Request again if the server was silent longer than requests live."""
        silent = self._loop.time() - self._last_message_at
        if self._credit.requested and silent > _EXPIRES_SECONDS + _GRACE_SECONDS:
            self._log.warning("requests for messages went unanswered", seconds=f"{silent:.0f}")
            self._last_message_at = self._loop.time()
            self._credit.requested = 0
        await self._request()

    async def _unsubscribe(self) -> None:
        """Drop the requests: the server sends nothing without subscriber."""
        if self._subscription is None:
            return
        subscription, self._subscription = self._subscription, None
        try:
            await subscription.unsubscribe()
        except NatsError as error:  # the connection is closed, and the requests with it
            self._log.warning("could not take requests back", error=error_text(error))

    async def _request(self) -> None:
        count = self._credit.available()
        if count == 0 or not self._open:
            return
        self._credit.requested += count
        body = {"batch": count, "expires": int(_EXPIRES_SECONDS * 1e9)}
        try:
            await self._client.publish(self._subject, json.dumps(body).encode(), self._inbox)
        except (OSError, NatsError) as error:
            self._credit.expire(count)
            self._log.warning("could not ask for messages", error=error_text(error))

    async def _receive(self, message: Msg) -> None:
        self._last_message_at = self._loop.time()
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            if self._open and self._credit.accept():
                self._on_message(message)
            else:
                await message.nak()
            return
        # 408 expired, 409 consumer deleted or leader changed, 503 no such
        # consumer.
        pending = parse_digits(headers.get("Nats-Pending-Messages", ""))
        self._credit.expire(self._credit.requested if pending is None else pending)
        if status not in ("408", "100"):
            self._log.warning("pull request ended", status=status, reason=headers.get("Description", ""))
            await asyncio.sleep(_BUSY_SECONDS)  # the server is busy: don't add to its load
        await self._request()
