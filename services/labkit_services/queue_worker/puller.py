"""A pull subscription on JetStream's own protocol, with flow control.

nats-py's ``fetch`` requests a batch and waits for it. Here requests and
messages flow independently: a free slot is requested at once. (Protocol: NATS
ADR-13, pull subscribe internals.)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from labkit_services.contract.errors import error_text
from labkit_services.contract.numbers import parse_digits
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.delivered_message import (
    ACK,
    DeliveredMessage,
    ack_and_request,
    nak,
    request_batch,
)
from labkit_services.jetstream.direct_messages import OnDelivery, Unsubscribe, messages_of
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
        self, client: Client, source: PullSource, credit: Credit, on_message: OnDelivery, log: Log
    ) -> None:
        self._client = client
        self._messages = messages_of(client)
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{source.stream}.{source.consumer}"
        self._credit = credit
        self._on_message = on_message
        self._log = log
        self._inbox = ""
        self._unsubscribe: Unsubscribe | None = None
        self._loop = asyncio.get_running_loop()
        self._last_message_at = self._loop.time()
        self._open = True
        self._has_credit = asyncio.Event()
        self._returned: list[DeliveredMessage] = []  # for which there was no room

    async def start(self) -> None:
        """Subscribe and request the first messages."""
        self._inbox = self._client.new_inbox()
        self._unsubscribe = await self._messages.receive(self._inbox, self._receive)
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
        await self._end_subscription()

    async def withdraw(self) -> None:
        """Replace the open requests by as many as there is credit.

        After ``max_inflight`` was lowered the server would still send for the
        old requests. A message that is returned counts as delivered: it would
        lose an attempt.
        """
        await self._end_subscription()
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

    async def send(self, reply: str, payload: bytes) -> None:
        """Settle a message, or renew its lease.

        An ack also requests as many messages as there is credit: one message
        to the server instead of two.
        """
        batch = self._credit.available() if payload == ACK and self._open else 0
        inbox = ""
        if batch:
            payload = ack_and_request(request_batch(batch, _EXPIRES_SECONDS))
            inbox = self._inbox
            self._credit.requested += batch
        try:
            await self._messages.publish(reply, payload, inbox, {})
        except (OSError, NatsError) as error:
            self._credit.expire(batch)
            # Delivered again after the lease: at least once.
            self._log.warning("acknowledgement lost, the message will come again", error=error_text(error))

    async def _end_subscription(self) -> None:
        """Drop the requests: the server sends nothing without subscriber."""
        if self._unsubscribe is None:
            return
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        try:
            await unsubscribe()
        except NatsError as error:  # the connection is closed, and the requests with it
            self._log.warning("could not take requests back", error=error_text(error))

    async def _request(self) -> None:
        returned, self._returned = self._returned, []
        for message in returned:
            await self.send(message.reply, nak())
        count = self._credit.available()
        if count == 0 or not self._open:
            return
        self._credit.requested += count
        try:
            body = request_batch(count, _EXPIRES_SECONDS)
            await self._messages.publish(self._subject, body, self._inbox, {})
        except (OSError, NatsError) as error:
            self._credit.expire(count)
            self._log.warning("could not ask for messages", error=error_text(error))

    def _receive(self, message: DeliveredMessage) -> None:
        self._last_message_at = self._loop.time()
        headers = message.headers
        status = headers.get("Status")
        if status is None:
            if self._open and self._credit.accept():
                self._on_message(message)
            else:
                self._returned.append(message)
                self.wake()
            return
        # 408 expired, 409 consumer deleted or leader changed, 503 no such
        # consumer.
        pending = parse_digits(headers.get("Nats-Pending-Messages", ""))
        self._credit.expire(self._credit.requested if pending is None else pending)
        if status in ("408", "100"):
            self.wake()
        else:
            self._log.warning("pull request ended", status=status, reason=headers.get("Description", ""))
            self._loop.call_later(_BUSY_SECONDS, self.wake)  # the server is busy: don't add to its load
