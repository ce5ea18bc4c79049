"""One delivery of a call: run it, and by its answer let it rest, try it again, or give it up."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nats.aio.msg import Msg

from labkit_services.contract.events import EventType
from labkit_services.contract.names import short_function_name
from labkit_services.contract.outcome import DeadKind, Result
from labkit_services.contract.queued import QueuedCall
from labkit_services.http import ConnectError, Headers, HttpClient, UpstreamError
from labkit_services.jetstream.connection import Events
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.callbacks import Callbacks
from labkit_services.queue_worker.cancelled import CallCancelledError, Cancelled
from labkit_services.queue_worker.config import Config
from labkit_services.queue_worker.consumer import settle
from labkit_services.queue_worker.invocation import broken_off, function_url, invoke
from labkit_services.queue_worker.loglines import WorkerLog
from labkit_services.queue_worker.metrics import Counts
from labkit_services.queue_worker.outcomes import Outcomes
from labkit_services.queue_worker.retry import Again, Decision, Exhausted, decide
from labkit_services.runtime.log import Log

_GATEWAY_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between looks at a gateway that can't be reached."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one call.

    Attributes:
        number: The worker's own count, as in its log.
        call: The call.
        count: Which delivery since it was put into the queue, from 1.
        taken_at: ``time.monotonic`` when it came.
        emit: Notes an event of it.
    """

    number: int
    call: QueuedCall
    count: int
    taken_at: float
    emit: Callable[..., None]

    @property
    def attempt(self) -> int:
        """Which attempt at the call, from 1, those before it was a dead letter included."""
        return self.call.attempts + self.count


class Calls:
    """Works on the calls of one queue.

    A delivery is acknowledged after the invocation and the callback, or after
    what is left to do is stored elsewhere. Until then it is leased. So every
    accepted call runs at least once.
    """

    def __init__(
        self,
        queue: str,
        client: HttpClient,
        config: Config,
        outcomes: Outcomes,
        callbacks: Callbacks,
        cancelled: Cancelled,
        events: Events,
        counts: Counts,
        lines: WorkerLog,
        log: Log,
    ) -> None:
        self._queue = queue
        self._client = client
        self._config = config
        self._outcomes = outcomes
        self._callbacks = callbacks
        self._cancelled = cancelled
        self._events = events
        self._counts = counts
        self._lines = lines
        self._log = log
        self._numbers = itertools.count(1)
        self._rng = random.Random()  # noqa: S311  # spreads retries, keeps no secret

    async def handle(self, message: Msg) -> None:
        """Work on one delivery."""
        number = next(self._numbers)
        taken_at = time.monotonic()
        try:
            call = QueuedCall.from_message(message.headers, message.data)
        except ValueError as error:
            self._lines.unreadable(number, self._queue, error)
            await settle(message.term(), self._log)
            return
        if call in self._cancelled:
            self._lines.cancelled(number, call)
            await settle(message.ack(), self._log)
            return
        count = message.metadata.num_delivered or 1
        function = short_function_name(call.function)
        attempt = call.attempts + count

        def emit(type_: str, **data: Any) -> None:
            self._events.emit(type_, call.call_id, function, attempt, **data)

        delivery = Delivery(number, call, count, taken_at, emit)
        emit(EventType.DELIVERY_RECEIVED, queue=self._queue, seq=message.metadata.sequence.stream)
        self._lines.received(number, self._queue, call)
        try:
            with self._counts.running(self._queue, function), self._cancelled.cancellable(call):
                result = await self._invoke(delivery)
            await self._follow_up(delivery, message, result)
        except CallCancelledError:
            self._lines.cancelled(number, call)
            await settle(message.ack(), self._log)
        except Exception as error:  # a mistake of ours: the call must neither be lost nor run for ever
            self._log.error("delivery failed", call_id=call.call_id, error=repr(error))
            await self._after_mistake(delivery, message, error)

    # -- asking the function

    async def _invoke(self, delivery: Delivery) -> Result:
        """Return the function's answer, or what stands for one if the gateway broke off."""
        call = delivery.call
        self._lines.invoking(delivery.number, call, function_url(self._config.gateway_url, call))
        delivery.emit(EventType.INVOCATION_STARTED)
        started = time.monotonic()
        try:
            status, headers, body = await self._ask(delivery)
            delivery.emit(EventType.INVOCATION_FINISHED, status=status, bytes=len(body))
        except UpstreamError as error:
            self._lines.failed(delivery.number, call, error)
            status, headers, body = broken_off(error)
            delivery.emit(EventType.INVOCATION_FINISHED, status=status, error=str(error))
        else:
            self._lines.invoked(delivery.number, call, status, time.monotonic() - started, len(body))
        return Result(
            status,
            tuple(headers.pairs),
            body,
            len(body),
            delivery.attempt,
            time.time_ns(),
            time.monotonic() - delivery.taken_at,
        )

    async def _ask(self, delivery: Delivery) -> tuple[int, Headers, bytes]:
        """Ask the gateway, however long it can't be reached.

        That is not the function's fault, and no reason to use up its attempts or
        to break the promise of the 202. The lease is held meanwhile.
        """
        pauses = itertools.chain(_GATEWAY_PAUSES, itertools.repeat(_GATEWAY_PAUSES[-1]))
        while True:
            try:
                return await invoke(self._client, self._config.gateway_url, delivery.call, delivery.attempt)
            except ConnectError as error:
                self._lines.failed(delivery.number, delivery.call, error)
                await asyncio.sleep(next(pauses))

    # -- what follows

    async def _follow_up(self, delivery: Delivery, message: Msg, result: Result) -> None:
        call = delivery.call
        decision = self._decide(delivery, result)
        if isinstance(decision, Again):
            self._lines.retrying(delivery.number, call, decision.delay, delivery.count)
            delivery.emit(EventType.RETRY_SCHEDULED, delay=decision.delay)
            self._counts.retries[self._queue, short_function_name(call.function)] += 1
            await settle(message.nak(delay=decision.delay), self._log)
            return
        try:
            await self._conclude(delivery, decision, result)
        except QueueUnavailableError as error:
            # What is left to do is stored nowhere yet: the call must stay in its queue.
            self._log.warning("call not concluded, it will come again", call_id=call.call_id, error=error)
            await settle(message.nak(delay=self._config.retry.of(call.retry).min_wait), self._log)
            return
        await settle(message.ack(), self._log)
        delivery.emit(EventType.DELIVERY_ACKED)
        self._counts.processed[self._queue] += 1

    async def _after_mistake(self, delivery: Delivery, message: Msg, error: Exception) -> None:
        call = delivery.call
        policy = self._config.retry.of(call.retry)
        if delivery.count < policy.attempts:
            await settle(message.nak(delay=policy.wait(delivery.count, self._rng)), self._log)
            return
        try:
            await self._bury(delivery, f"the queue-worker failed: {error!r}", None)
        except QueueUnavailableError:
            await settle(message.nak(delay=policy.max_wait), self._log)
        else:
            await settle(message.ack(), self._log)

    def _decide(self, delivery: Delivery, result: Result) -> Decision:
        return decide(
            self._config.retry.of(delivery.call.retry),
            delivery.count,
            result.status,
            Headers(result.headers),
            self._rng,
            datetime.now(UTC),
        )

    async def _conclude(self, delivery: Delivery, decision: Decision, result: Result) -> None:
        """Keep the result, bury the call if it failed for good, and post the callback.

        Raises:
            QueueUnavailableError: One of that could not be stored.
        """
        call = delivery.call
        await self._outcomes.keep(call, result)
        if isinstance(decision, Exhausted):
            await self._bury(delivery, decision.reason, result)
        if call.callback:
            await self._callbacks.deliver(delivery.number, self._queue, call, result)

    async def _bury(self, delivery: Delivery, reason: str, result: Result | None) -> None:
        call = delivery.call
        await self._outcomes.bury(
            self._queue, call, DeadKind.INVOCATION, reason=reason, attempts=delivery.count, result=result
        )
        self._lines.dead(delivery.number, call, reason)
        delivery.emit(EventType.DELIVERY_DEAD, reason=reason)
        self._counts.dead[self._queue, short_function_name(call.function)] += 1
