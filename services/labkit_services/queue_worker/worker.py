"""The worker: its queues, its callbacks, its housekeeping."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from labkit_services.contract.errors import InvalidValueError, LabError, said
from labkit_services.contract.names import (
    CALLBACK_CONSUMER,
    CALLBACK_STREAM,
    DEFAULT_QUEUE,
    QUEUE_SUBJECT,
    WORKER_CONSUMER,
)
from labkit_services.contract.queues import check_queue_name, queue_stream, worker_control_subject
from labkit_services.http import HttpClient
from labkit_services.jetstream.connection import Events
from labkit_services.jetstream.publisher import Publisher
from labkit_services.jetstream.streams import (
    ensure_callbacks,
    ensure_cancelled,
    ensure_queue,
    ensure_results,
    queues,
)
from labkit_services.queue_worker.callbacks import Callbacks
from labkit_services.queue_worker.calls import Calls
from labkit_services.queue_worker.cancelled import Cancelled
from labkit_services.queue_worker.config import EVERY_QUEUE, Config, check_max_inflight
from labkit_services.queue_worker.consumer import Consumer
from labkit_services.queue_worker.loglines import WorkerLog
from labkit_services.queue_worker.metrics import Counts
from labkit_services.queue_worker.outcomes import Outcomes
from labkit_services.runtime.log import Log

_CALLBACKS_INFLIGHT = 100
_LOOK_FOR_QUEUES_SECONDS = 10.0
"""New queues are announced; who was away when that happened finds them so."""


class Worker:
    """Works off one queue, or every queue there is, each with its own ``max_inflight``.

    So a queue whose functions are slow holds up no other.

    Attributes:
        queues: What works on each, by its name.
        counts: What was counted since the start.
    """

    def __init__(self, nats: Client, config: Config, events: Events, log: Log, instance: str) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._config = config
        self._events = events
        self._log = log
        self._instance = instance
        self._lines = WorkerLog(log.writer)
        self._client = HttpClient()
        self._publisher = Publisher(nats)
        self._outcomes = Outcomes(nats, self._publisher, log)
        self._cancelled = Cancelled(log)
        self.counts = Counts()
        self.queues: dict[str, Consumer] = {}
        self._callbacks = Callbacks(
            self._client, config, self._outcomes, events, self.counts, self._lines, log
        )
        self._put_off = Consumer(
            nats,
            CALLBACK_STREAM,
            CALLBACK_CONSUMER,
            self._callbacks.handle,
            max_inflight=_CALLBACKS_INFLIGHT,
            log=log,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, nats_url: str) -> None:
        """Begin to take calls."""
        config = self._config
        self._nats_url = nats_url
        replicas = config.replicas
        await asyncio.gather(
            ensure_cancelled(self._js, replicas=replicas),
            ensure_results(self._js, replicas=replicas),
            ensure_callbacks(self._js, ack_wait=config.ack_wait, replicas=replicas),
            self._publisher.start(),
        )
        # Before the first call: one that was taken back must not run.
        await self._cancelled.start(self._nats)
        await self._put_off.start()
        if config.queue == EVERY_QUEUE:
            await self._nats.subscribe(QUEUE_SUBJECT, cb=self._on_queue)
            await asyncio.gather(self._add(DEFAULT_QUEUE), self._find_queues())
            self._tasks.append(asyncio.create_task(self._look_for_queues()))
        else:
            await self._add(config.queue)
        self._tasks.append(asyncio.create_task(self._keep_house()))

    def restored(self) -> None:
        """Go on after the connection to nats-server came back."""
        self.counts.reconnects += 1
        for consumer in self._consumers():
            consumer.restored()
        task = asyncio.create_task(self._cancelled.refresh())
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)

    async def set_max_inflight(self, queue: str, count: object) -> int:
        """Change how many calls of a queue may run at once, from now on.

        Raises:
            InvalidValueError: ``count`` is out of range, or there is no such queue.
        """
        consumer = self._known(queue)
        await consumer.set_max_inflight(check_max_inflight(count))
        self._log.info("max_inflight changed", queue=queue, max_inflight=count)
        return consumer.max_inflight

    async def stop(self, orphaned: asyncio.Event) -> None:
        """Take no more; let what runs finish, within ``drain_timeout``; the rest is delivered again.

        Args:
            orphaned: When this is set nobody waits any more: break off.
        """
        consumers = self._consumers()
        await asyncio.gather(*(consumer.pause() for consumer in consumers))
        drained: asyncio.Future[Any] = asyncio.gather(*(consumer.drain() for consumer in consumers))
        hurry: asyncio.Future[Any] = asyncio.ensure_future(orphaned.wait())
        await asyncio.wait(
            {drained, hurry}, timeout=self._config.drain_timeout, return_when=asyncio.FIRST_COMPLETED
        )
        hurry.cancel()
        for consumer in consumers:
            await consumer.abandon()
        await asyncio.wait({drained}, timeout=1.0)
        for task in self._tasks:
            task.cancel()
        self._client.close()

    async def on_control(self, message: Msg) -> None:
        """Answer on a queue's control subject: ``{"max_inflight": n}`` changes it, ``{}`` asks."""
        answer: dict[str, Any]
        try:
            queue = message.subject.removeprefix(worker_control_subject(""))
            asked = json.loads(message.data or b"{}")
            if "max_inflight" in asked:
                await self.set_max_inflight(queue, asked["max_inflight"])
            consumer = self._known(queue)
            answer = {
                "worker": self._instance,
                "max_inflight": consumer.max_inflight,
                "in_flight": consumer.in_flight,
                "redelivered": consumer.redelivered,
                "processed": self.counts.processed[queue],
            }
        except (LabError, ValueError, TypeError) as error:
            answer = {"error": str(error)}
        await message.respond(json.dumps(answer).encode())

    # -- inside

    def _consumers(self) -> list[Consumer]:
        return [*self.queues.values(), self._put_off]

    def _known(self, queue: str) -> Consumer:
        consumer = self.queues.get(queue)
        if consumer is None:
            raise InvalidValueError(
                f"this worker has no queue {queue}", expected=", ".join(self.queues), seen=queue
            )
        return consumer

    async def _add(self, queue: str) -> None:
        """Begin to work off a queue, unless that is being done."""
        if queue in self.queues:
            return
        handler = Calls(
            queue,
            self._client,
            self._config,
            self._outcomes,
            self._callbacks,
            self._cancelled,
            self._events,
            self.counts,
            self._lines,
            self._log,
        )
        limit = self._config.max_inflight_for(queue)
        consumer = Consumer(
            self._nats,
            queue_stream(queue),
            WORKER_CONSUMER,
            handler.handle,
            max_inflight=limit,
            log=self._log,
        )
        self.queues[queue] = consumer  # at once: the same queue may be announced and found
        try:
            await ensure_queue(
                self._js, queue, ack_wait=self._config.ack_wait, replicas=self._config.replicas
            )
            self._lines.started(self._nats_url, queue, limit, self._instance)
            await self._nats.subscribe(worker_control_subject(queue), cb=self.on_control)
            await consumer.start()
        except BaseException:
            del self.queues[queue]
            raise

    async def _on_queue(self, message: Msg) -> None:
        try:
            await self._add(check_queue_name(message.data.decode()))
        except (LabError, NatsError, OSError, TimeoutError, UnicodeDecodeError) as error:
            self._log.warning("a new queue could not be joined", error=said(error))

    async def _find_queues(self) -> None:
        for queue in await queues(self._js):
            await self._add(queue)

    async def _look_for_queues(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_QUEUES_SECONDS)
            try:
                await self._find_queues()
            except (NatsError, OSError, TimeoutError) as error:
                self._log.warning("could not look for queues", error=said(error))

    async def _keep_house(self) -> None:
        """Renew the leases of what runs."""
        while True:
            await asyncio.sleep(self._config.ack_wait / 3)
            for consumer in self._consumers():
                await consumer.keep()
