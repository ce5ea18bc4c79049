"""The worker: deliveries in, at most ``max_inflight`` at once, acknowledged when all is done."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.bus import Events
from services.contract.errors import LabError
from services.contract.events import EventType
from services.contract.names import WORKER_CONSUMER, queue_stream, short_function_name
from services.contract.queued import QueuedCall
from services.http import HttpClient, UpstreamError
from services.log import Log
from services.queue_worker.config import Config, check_max_inflight
from services.queue_worker.credit import Credit
from services.queue_worker.invocation import (
    CallbackError,
    Result,
    callback_headers,
    function_url,
    invoke,
    leads_to,
    post_callback,
    resolve_alias,
)
from services.queue_worker.loglines import WorkerLog
from services.queue_worker.puller import Puller

_RETRY_GATEWAY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses before a delivery is tried again while the gateway is away, by attempt."""


class Worker:
    """Works off one queue.

    A delivery is acknowledged after the invocation and the callback. Until
    then it is leased: the lease is renewed while the call runs, and if this
    process dies, JetStream gives the message to the next worker once
    ``ack_wait`` is over. So every accepted call runs at least once.
    """

    def __init__(self, nats: Client, config: Config, events: Events, log: Log) -> None:
        self._nats = nats
        self._config = config
        self._events = events
        self._log = log
        self._lines = WorkerLog(log.writer)
        self._client = HttpClient()
        self._credit = Credit(config.max_inflight)
        self._puller = Puller(
            nats, queue_stream(config.queue), WORKER_CONSUMER, self._credit, self._deliver, log
        )
        self._numbers = itertools.count(1)
        self._running: dict[asyncio.Task[None], Msg] = {}
        self._housekeeping: asyncio.Task[None] | None = None

    async def start(self, nats_url: str, name: str) -> None:
        """Begin to take calls."""
        self._lines.started(nats_url, self._config.queue, self._credit.max_inflight, name)
        self._housekeeping = asyncio.create_task(self._keep_house())
        await self._puller.start()

    def restored(self) -> None:
        """Go on after the connection to nats-server came back."""
        self._puller.restored()

    def set_max_inflight(self, count: object) -> int:
        """Change how many calls may run at once, from now on.

        Raises:
            InvalidValueError: ``count`` is out of range.
        """
        self._credit.max_inflight = check_max_inflight(count)
        self._log.info("max_inflight changed", max_inflight=count)
        self._puller.wake()
        return self._credit.max_inflight

    async def stop(self, grace: float) -> None:
        """Take no more; let what runs finish for ``grace`` seconds; the rest is delivered again."""
        self._puller.stop()
        if self._running:
            await asyncio.wait(list(self._running), timeout=grace)
        for task, message in list(self._running.items()):
            task.cancel()
            await self._settle(message.nak())
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        self._client.close()

    async def on_control(self, message: Msg) -> None:
        """Answer a request on the worker's control subject: ``{"max_inflight": n}`` or ``{}``."""
        answer: dict[str, Any]
        try:
            asked = json.loads(message.data or b"{}")
            if "max_inflight" in asked:
                self.set_max_inflight(asked["max_inflight"])
            answer = {"max_inflight": self._credit.max_inflight, "in_flight": self._credit.in_flight}
        except (LabError, ValueError, TypeError) as error:
            answer = {"error": str(error)}
        await message.respond(json.dumps(answer).encode())

    # -- one delivery

    def _deliver(self, message: Msg) -> None:
        task = asyncio.create_task(self._work(message))
        self._running[task] = message
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._credit.done()
        self._puller.wake()
        if not task.cancelled() and (error := task.exception()):
            # A mistake of ours: the lease runs out and the call is delivered again.
            self._log.error(f"delivery failed: {error!r}")

    async def _work(self, message: Msg) -> None:
        number = next(self._numbers)
        taken_at = time.monotonic()
        attempt = message.metadata.num_delivered or 1
        try:
            call = QueuedCall.from_message(message.headers, message.data)
        except ValueError as error:
            self._lines.unreadable(number, self._config.queue, error)
            await self._settle(message.term())
            return
        function = short_function_name(call.function)

        def emit(type_: str, **data: Any) -> None:
            self._events.emit(type_, call.call_id, function, attempt, **data)

        emit(EventType.DELIVERY_RECEIVED, seq=message.metadata.sequence.stream)
        self._lines.received(number, self._config.queue, call)
        try:
            result = await self._invoke(number, call, emit)
        except UpstreamError as error:
            # The gateway is away: not the function's fault, and no reason to
            # break the promise of the 202. Somebody will be able to reach it.
            self._lines.failed(number, call, error)
            pause = _RETRY_GATEWAY_SECONDS[min(attempt, len(_RETRY_GATEWAY_SECONDS)) - 1]
            emit(EventType.INVOCATION_FINISHED, status=503, error=str(error))
            emit(EventType.RETRY_SCHEDULED, delay=pause)
            await self._settle(message.nak(delay=pause))
            return
        if call.callback:
            await self._call_back(number, call, result, time.monotonic() - taken_at, emit)
        await self._settle(message.ack())
        emit(EventType.DELIVERY_ACKED)

    async def _invoke(self, number: int, call: QueuedCall, emit: Any) -> Result:
        self._lines.invoking(number, call, function_url(self._config.gateway_url, call))
        emit(EventType.INVOCATION_STARTED)
        started = time.monotonic()
        result = await invoke(self._client, self._config.gateway_url, call)
        seconds = time.monotonic() - started
        emit(EventType.INVOCATION_FINISHED, status=result.status, bytes=len(result.body))
        self._lines.invoked(number, call, result.status, seconds, len(result.body))
        return result

    async def _call_back(
        self, number: int, call: QueuedCall, result: Result, seconds: float, emit: Any
    ) -> None:
        self._lines.calling_back(number, call.callback)
        target = resolve_alias(call.callback, self._config.gateway_url)
        headers = callback_headers(call, result, seconds)
        pauses = iter(_RETRY_GATEWAY_SECONDS if leads_to(target, self._config.gateway_url) else ())
        while True:
            emit(EventType.CALLBACK_SENT, url=call.callback)
            try:
                status = await post_callback(
                    self._client, target, headers, result.body, patience=self._config.callback_timeout
                )
            except CallbackError as error:
                self._lines.callback_failed(number, error)
                emit(EventType.CALLBACK_ANSWERED, error=str(error))
                # Like OpenFaaS, a target that can't be reached is not tried again. The
                # lab's own gateway is: it is being restarted, and will be back.
                pause = next(pauses, None)
                if pause is None:
                    return
                await asyncio.sleep(pause)
            else:
                self._lines.called_back(number, call, call.callback, status)
                emit(EventType.CALLBACK_ANSWERED, status=status)
                return

    async def _settle(self, acknowledgement: Any) -> None:
        """Send an ack or nak; if it can't be sent, the call is delivered again: at least once."""
        try:
            await acknowledgement
        except (OSError, NatsError) as error:
            self._log.warning("acknowledgement lost, the call will be delivered again", error=repr(error))

    async def _keep_house(self) -> None:
        """Renew the leases of what runs, and see that the puller is not waiting in vain."""
        while True:
            await asyncio.sleep(self._config.ack_wait / 3)
            for message in list(self._running.values()):
                await self._settle(message.in_progress())
            await self._puller.check()
