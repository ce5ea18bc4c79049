"""The worker: consumers of queues and callbacks, leases, control requests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nats.aio.msg import Msg

from labkit_services.contract import names
from labkit_services.contract.errors import InvalidValueError, LabError, error_text
from labkit_services.contract.queues import check_queue_name, queue_stream, worker_control_subject
from labkit_services.http import HttpClient
from labkit_services.jetstream import streams
from labkit_services.jetstream.connection import Client, NatsError, reach_server
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.publisher import Publisher
from labkit_services.queue_worker.callback_delivery import CallbackHandler
from labkit_services.queue_worker.cancellations import Cancellations
from labkit_services.queue_worker.config import EVERY_QUEUE, WorkerConfig, check_max_inflight
from labkit_services.queue_worker.consumer import Consumer
from labkit_services.queue_worker.delivery import DeliveryHandler
from labkit_services.queue_worker.metrics import Counts
from labkit_services.queue_worker.outcome_store import OutcomeStore
from labkit_services.queue_worker.puller import PullSource
from labkit_services.queue_worker.worker_context import WorkerContext
from labkit_services.queue_worker.worker_log import WorkerLog
from labkit_services.runtime.service import Service

_CALLBACKS_INFLIGHT = 100
_FIND_QUEUES_SECONDS = 10.0
"""New queues are announced; this finds those announced while the connection
was down."""
_CANCEL_SECONDS = 1.0


class Worker:
    """Processes one queue or every queue, each with its own ``max_inflight``.

    So a queue with slow functions blocks no other queue. ``queues`` holds the
    consumer of each queue by its name.
    """

    def __init__(self, nats: Client, config: WorkerConfig, events: EventPublisher, service: Service) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._config = config
        self._service = service
        self._log = service.log
        self._publisher = Publisher(nats)
        self._cancellations = Cancellations(nats, service.log)
        self.counts = Counts()
        self._context = WorkerContext(
            config=config,
            client=HttpClient(),
            outcomes=OutcomeStore(nats, self._publisher, service.log),
            events=events,
            counts=self.counts,
            lines=WorkerLog(service.log.writer),
            log=service.log,
        )
        self._callbacks = CallbackHandler(self._context)
        source = PullSource(names.CALLBACK_STREAM, names.CALLBACK_CONSUMER)
        self._callback_consumer = Consumer(nats, source, self._callbacks.handle, _CALLBACKS_INFLIGHT, service)
        self.queues: dict[str, Consumer] = {}

    async def start(self) -> None:
        """Begin to receive calls."""
        config, tasks = self._config, self._service.tasks
        await asyncio.gather(
            streams.ensure_cancelled(self._js, config.streams),
            streams.ensure_results(self._js, config.streams),
            streams.ensure_callbacks(self._js, ack_wait=config.ack_wait, settings=config.streams),
            self._publisher.start(),
        )
        # Before the first call: a cancelled one must not run.
        await self._cancellations.start()
        tasks.start(self._renew_leases(), name="renew leases")
        await self._callback_consumer.start()
        if config.queue == EVERY_QUEUE:
            await self._nats.subscribe(names.QUEUE_SUBJECT, cb=self._on_new_queue)
            await asyncio.gather(self._add(names.DEFAULT_QUEUE), self._find_queues())
            tasks.start(self._keep_finding_queues(), name="find queues")
        else:
            await self._add(config.queue)
        await reach_server(self._nats)  # a ready worker is in the status of its queues

    def restored(self) -> None:
        """Continue after the connection to nats-server was restored."""
        self.counts.reconnects += 1
        for consumer in self._consumers():
            consumer.restored()
        self._service.tasks.start(self._cancellations.refresh(), name="read cancellations")

    async def stop(self) -> None:
        """Receive no more calls; let running ones finish in ``drain_timeout``.

        Unfinished ones are delivered again; on an abort, all of them at once.
        """
        consumers = self._consumers()
        await asyncio.gather(*(consumer.pause() for consumer in consumers))
        drained: asyncio.Future[Any] = asyncio.gather(*(consumer.drain() for consumer in consumers))
        aborted: asyncio.Future[Any] = asyncio.create_task(self._service.aborting.wait(), name="aborted")
        timeout = self._config.drain_timeout
        await asyncio.wait({drained, aborted}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        aborted.cancel()
        for consumer in consumers:
            await consumer.abandon()
        await asyncio.wait({drained}, timeout=_CANCEL_SECONDS)
        await self._service.tasks.cancel()
        self._context.client.close()

    async def _on_control(self, message: Msg) -> None:
        """Respond to a control request: ``{"max_inflight": n}`` or ``{}``."""
        document: dict[str, Any]
        try:
            queue = message.subject.removeprefix(worker_control_subject(""))
            request = json.loads(message.data or b"{}")
            consumer = self._consumer_of(queue)
            if "max_inflight" in request:
                max_inflight = check_max_inflight(request["max_inflight"])
                await consumer.set_max_inflight(max_inflight)
                self._log.info("max_inflight changed", queue=queue, max_inflight=max_inflight)
            document = {
                "worker": self._service.instance,
                "max_inflight": consumer.credit.max_inflight,
                "in_flight": consumer.credit.in_flight,
                "redelivered": consumer.redelivered,
                "processed": self.counts.processed[queue],
            }
        except (LabError, ValueError, TypeError) as error:
            document = {"error": str(error)}
        await message.respond(json.dumps(document).encode())

    def _consumers(self) -> list[Consumer]:
        return [*self.queues.values(), self._callback_consumer]

    def _consumer_of(self, queue: str) -> Consumer:
        if queue in self.queues:
            return self.queues[queue]
        known = ", ".join(self.queues)
        raise InvalidValueError(f"this worker has no queue {queue}", expected=known, seen=queue)

    async def _add(self, queue: str) -> None:
        """Begin to receive calls of a queue, unless that has begun."""
        if queue in self.queues:
            return
        config = self._config
        handler = DeliveryHandler(queue, self._context, self._callbacks, self._cancellations)
        limit = config.max_inflight_of.get(queue, config.max_inflight)
        source = PullSource(queue_stream(queue), names.WORKER_CONSUMER)
        consumer = Consumer(self._nats, source, handler.handle, limit, self._service)
        self.queues[queue] = consumer  # now: the same queue may be announced and found
        try:
            await streams.ensure_queue(self._js, queue, ack_wait=config.ack_wait, settings=config.streams)
            nats_url = self._service.setting("nats_url")
            self._context.lines.started(nats_url, queue, limit, self._service.instance)
            await self._nats.subscribe(worker_control_subject(queue), cb=self._on_control)
            await consumer.start()
            joined = {"queue": queue, "worker": self._service.instance}
            await self._nats.publish(names.WORKER_SUBJECT, json.dumps(joined).encode())
        except BaseException:
            del self.queues[queue]
            raise

    async def _on_new_queue(self, message: Msg) -> None:
        try:
            await self._add(check_queue_name(message.data.decode()))
        except (LabError, NatsError, OSError, TimeoutError, UnicodeDecodeError) as error:
            self._log.warning("a new queue could not be joined", error=error_text(error))

    async def _find_queues(self) -> None:
        for queue in await streams.queue_names(self._js, self._config.streams.lab):
            await self._add(queue)

    async def _keep_finding_queues(self) -> None:
        while True:
            await asyncio.sleep(_FIND_QUEUES_SECONDS)
            try:
                await self._find_queues()
            except (NatsError, OSError, TimeoutError) as error:
                self._log.warning("could not look for queues", error=error_text(error))

    async def _renew_leases(self) -> None:
        """Renew the leases of running calls, which else would run twice."""
        while True:
            await asyncio.sleep(self._config.ack_wait / 3)
            for consumer in self._consumers():
                await consumer.renew()
