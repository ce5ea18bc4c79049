"""JetStream objects of the lab, and a lean way to publish into them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from services.contract.errors import LabError
from services.contract.names import EVENT_STREAM, EVENT_SUBJECT, WORKER_CONSUMER, queue_stream

DUPLICATE_WINDOW_SECONDS = 120.0
"""How long a call id is remembered; OpenFaaS Pro's value (its jetstream docs)."""

_EVENT_BYTES = 256 * 1024 * 1024
_EVENT_SECONDS = 24 * 3600.0
_STREAM_NAME_IN_USE = 10058
_ACK_SECONDS = 2.0
"""Patience for one publish-ack before the same message is sent again."""


class QueueUnavailableError(LabError, ConnectionError):
    """The queue did not take the call."""


async def ensure_queue(js: JetStreamContext, queue: str, *, ack_wait: float, replicas: int = 1) -> None:
    """Create the stream and the workers' consumer of ``queue`` unless they exist.

    Settings are those of OpenFaaS's JetStream edition: work-queue retention, file
    storage, explicit ack, no limit on deliveries (the worker counts
    attempts), ``ack_wait`` as a renewed lease.
    """
    await _ensure_stream(
        js,
        StreamConfig(
            name=queue_stream(queue),
            subjects=[queue],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            num_replicas=replicas,
        ),
    )
    consumer = ConsumerConfig(
        durable_name=WORKER_CONSUMER,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_deliver=-1,
        max_ack_pending=-1,
        max_waiting=512,
    )
    # Creating and updating are one call; a worker with another ack_wait changes it.
    await js.add_consumer(queue_stream(queue), consumer)


async def ensure_events(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream that keeps the record of what happened, bounded by age and size."""
    await _ensure_stream(
        js,
        StreamConfig(
            name=EVENT_STREAM,
            subjects=[f"{EVENT_SUBJECT}.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_EVENT_SECONDS,
            max_bytes=_EVENT_BYTES,
            num_replicas=replicas,
        ),
    )


async def _ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    try:
        await js.stream_info(config.name)
    except NotFoundError:
        try:
            await js.add_stream(config)
        except APIError as error:
            # Gateway and worker start together: the other one was first.
            if error.err_code != _STREAM_NAME_IN_USE:
                raise


@dataclass(frozen=True, slots=True)
class Stored:
    """JetStream's word that a message is in the stream.

    Attributes:
        seq: Its sequence number.
        duplicate: A message of the same id was there already; nothing was added.
    """

    seq: int
    duplicate: bool


class Publisher:
    """Publishes into JetStream and waits for the server's ack.

    nats-py's own ``js.publish`` makes a random token, a NUID and a
    ``wait_for`` for each message: about 21 µs. One wildcard inbox, counted
    tokens and plain futures need about 10 µs.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._prefix = client.new_inbox() + "."
        self._waiting: dict[str, asyncio.Future[Stored]] = {}
        self._count = 0

    async def start(self) -> None:
        """Subscribe to the acks."""
        await self._client.subscribe(self._prefix + "*", cb=self._on_ack)

    async def publish(
        self, subject: str, body: bytes, headers: dict[str, str], *, patience: float = 5.0
    ) -> Stored:
        """Store one message; return once the server has it.

        While the server does not answer, the message is sent again under the
        same id, which the stream keeps once.

        Raises:
            QueueUnavailableError: ``patience`` seconds went by without an ack, or the server refused.
        """
        deadline = self._loop.time() + patience
        while True:
            remaining = deadline - self._loop.time()
            try:
                return await self._publish_once(subject, body, headers, min(_ACK_SECONDS, remaining))
            except QueueUnavailableError:
                raise
            except (OSError, NatsError, TimeoutError) as error:
                if self._loop.time() + 0.05 >= deadline:
                    raise QueueUnavailableError(
                        expected=f"an ack from JetStream within {patience:g} s",
                        seen=repr(error),
                        next_step="look at the log of nats-server: labkit logs nats",
                    ) from error
                await asyncio.sleep(0.05)

    async def _publish_once(
        self, subject: str, body: bytes, headers: dict[str, str], patience: float
    ) -> Stored:
        self._count += 1
        token = str(self._count)
        waiting: asyncio.Future[Stored] = self._loop.create_future()
        self._waiting[token] = waiting
        timer = self._loop.call_later(max(patience, 0.01), _time_out, waiting)
        try:
            await self._client.publish(subject, body, self._prefix + token, headers)
            return await waiting
        finally:
            timer.cancel()
            del self._waiting[token]

    async def _on_ack(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject[len(self._prefix) :])
        if waiting is None or waiting.done():
            return
        if not message.data:
            # Status 503: no stream listens on the subject (yet).
            waiting.set_exception(NatsError("no responders"))
            return
        answer = json.loads(message.data)
        if "error" in answer:
            waiting.set_exception(QueueUnavailableError(seen=answer["error"].get("description", "")))
        else:
            waiting.set_result(Stored(answer["seq"], answer.get("duplicate", False)))


def _time_out(waiting: asyncio.Future[Stored]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError("no ack"))
