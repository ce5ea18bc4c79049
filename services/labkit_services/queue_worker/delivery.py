"""Process one delivery: invoke the function, ack, retry or dead-letter."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import Any

from labkit_services.contract import headers as header_names
from labkit_services.contract import names
from labkit_services.contract.events import EventType, platform_data
from labkit_services.contract.outcome import DeadKind, DeadLetterMessage, Result
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import ClientResponse, ConnectError, Headers, HttpClient, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED
from labkit_services.jetstream.delivered_message import DeliveredMessage
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.callback_delivery import CallbackHandler
from labkit_services.queue_worker.cancellations import CallCancelledError, Cancellations
from labkit_services.queue_worker.consumer import Ack, Nak, Term, Verdict
from labkit_services.queue_worker.retry import Exhausted, Retry
from labkit_services.queue_worker.worker_context import WorkerContext
from labkit_services.runtime.spool import Spool, TooMuchDataError

_GATEWAY_RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Waits between requests to a gateway that can't be reached; the last one
repeats."""
_SHOWN_BYTES = 300
_REPLACED = NOT_FORWARDED | {"date", "user-agent", header_names.ATTEMPT.lower()}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one call.

    Attributes:
        number: The worker's own count, as in its log.
        count: Deliveries since the call was last queued, this one included.
        taken_at: ``time.monotonic`` of the delivery.
        function: The function's name without the default namespace.
    """

    number: int
    call: QueuedCall
    count: int
    taken_at: float
    function: str

    @property
    def attempt(self) -> int:
        """Number of the attempt, from 1; those before a redrive count."""
        return self.call.attempts + self.count


class DeliveryHandler:
    """Processes the deliveries of one queue.

    A delivery is acknowledged after the invocation and the callback, or after
    the remaining work is stored elsewhere. Until then it is leased. So every
    accepted call runs at least once.
    """

    def __init__(
        self, queue: str, context: WorkerContext, callbacks: CallbackHandler, cancellations: Cancellations
    ) -> None:
        self._queue = queue
        self._context = context
        self._callbacks = callbacks
        self._cancellations = cancellations
        self._lines = context.lines
        self._numbers = itertools.count(1)

    async def handle(self, message: DeliveredMessage) -> Verdict:
        """Process one delivery."""
        number = next(self._numbers)
        taken_at = time.monotonic()
        try:
            call = QueuedCall.from_message(message.headers, message.data)
        except ValueError as error:
            self._lines.unreadable(number, self._queue, error)
            return Term()
        if call in self._cancellations:
            self._lines.cancelled(number, call)
            return Ack()
        function = names.short_function_name(call.function)
        delivery = Delivery(number, call, message.num_delivered, taken_at, function)
        self._emit(delivery, EventType.DELIVERY_RECEIVED, queue=self._queue, seq=message.stream_sequence)
        self._lines.received(number, self._queue, call)
        try:
            with self._context.counts.running(self._queue, function), self._cancellations.cancellable(call):
                result, answer = await self._invoke(delivery)
            with contextlib.closing(answer):
                return await self._follow_up(delivery, result, answer)
        except CallCancelledError:
            self._lines.cancelled(number, call)
            return Ack()
        except Exception as error:  # a bug in the worker: the call must neither be lost nor run for ever
            self._context.log.error("delivery failed", call_id=call.call_id, error=repr(error))
            return await self._after_bug(delivery, error)

    async def _invoke(self, delivery: Delivery) -> tuple[Result, Spool]:
        """Return the function's response; 503 if the gateway broke off.

        The result has as much of the body as a message can hold.
        """
        call = delivery.call
        self._lines.invoking(delivery.number, call, function_url(self._context.config.gateway_url, call))
        self._emit(delivery, EventType.INVOCATION_STARTED)
        started = time.monotonic()
        try:
            status, headers, answer = await self._request(delivery)
            made_by = headers.get(header_names.INTERNAL)
            data = platform_data(made_by, answer.head(_SHOWN_BYTES) if made_by else b"")
            self._emit(delivery, EventType.INVOCATION_FINISHED, status=status, bytes=answer.size, **data)
        except UpstreamError as error:
            self._lines.failed(delivery.number, call, error)
            # As in OpenFaaS, the platform responds in place of the function.
            status, headers, answer = 503, Headers([(header_names.INTERNAL, "queue-worker")]), Spool()
            self._emit(delivery, EventType.INVOCATION_FINISHED, status=status, error=str(error))
        else:
            self._lines.invoked(delivery.number, call, status, time.monotonic() - started, answer.size)
        pairs, seconds = tuple(headers.pairs), time.monotonic() - delivery.taken_at
        body = answer.head(self._context.outcomes.max_body_bytes)
        return Result(status, pairs, body, answer.size, delivery.attempt, time.time_ns(), seconds), answer

    async def _request(self, delivery: Delivery) -> tuple[int, Headers, Spool]:
        """Return status, headers, body; wait while the gateway is unreachable.

        This must neither use up the function's attempts nor break the promise
        of the 202. The lease is renewed meanwhile.
        """
        client, gateway_url = self._context.client, self._context.config.gateway_url
        waits = itertools.chain(_GATEWAY_RETRY_SECONDS, itertools.repeat(_GATEWAY_RETRY_SECONDS[-1]))
        while True:
            try:
                return await _send_invocation(client, gateway_url, delivery.call, delivery.attempt)
            except ConnectError as error:
                self._lines.failed(delivery.number, delivery.call, error)
                await asyncio.sleep(next(waits))

    async def _follow_up(self, delivery: Delivery, result: Result, answer: Spool) -> Verdict:
        """Store the result, dead-letter a failed call, post the callback."""
        context, call = self._context, delivery.call
        policy = context.policy_of(call)
        decision = context.decide(policy, delivery.count, result.status, Headers(result.headers))
        if isinstance(decision, Retry):
            self._lines.retrying(delivery.number, call, decision.delay, delivery.count)
            last = call.attempts + policy.attempts
            self._emit(delivery, EventType.RETRY_SCHEDULED, delay=decision.delay, of=last)
            context.counts.retries[self._queue, delivery.function] += 1
            return Nak(decision.delay)
        try:
            await context.outcomes.store_result(call, result)
            if isinstance(decision, Exhausted):
                await self._dead_letter(delivery, decision.reason, result)
            if call.callback:
                await self._callbacks.post_first(delivery.number, self._queue, call, result, answer)
        except QueueUnavailableError as error:
            # The remaining work is stored nowhere yet: the call must stay in
            # its queue.
            context.log.warning("call not concluded, it will come again", call_id=call.call_id, error=error)
            return Nak(policy.min_wait)
        self._emit(delivery, EventType.DELIVERY_ACKED)
        context.counts.processed[self._queue] += 1
        return Ack()

    async def _after_bug(self, delivery: Delivery, error: Exception) -> Verdict:
        policy = self._context.policy_of(delivery.call)
        if delivery.count < policy.attempts:
            return Nak(policy.wait(delivery.count, self._context.rng))
        try:
            await self._dead_letter(delivery, f"the queue-worker failed: {error!r}", None)
        except QueueUnavailableError:
            return Nak(policy.max_wait)
        return Ack()

    async def _dead_letter(self, delivery: Delivery, reason: str, result: Result | None) -> None:
        call = delivery.call
        letter = DeadLetterMessage(call, DeadKind.INVOCATION, reason, delivery.count, time.time_ns(), result)
        await self._context.outcomes.store_dead_letter(self._queue, letter)
        self._lines.dead(delivery.number, call, reason)
        self._emit(delivery, EventType.DELIVERY_DEAD, reason=reason)
        self._context.counts.dead[self._queue, delivery.function] += 1

    def _emit(self, delivery: Delivery, type_: str, **data: Any) -> None:
        call_id = delivery.call.call_id
        self._context.events.emit(type_, call_id, delivery.function, delivery.attempt, **data)


def function_url(gateway_url: str, call: QueuedCall) -> str:
    """Return the function's URL, with the client's path and query."""
    query = f"?{call.query}" if call.query else ""
    return f"{gateway_url}/function/{call.function}{call.path or '/'}{query}"


async def _send_invocation(
    client: HttpClient, gateway_url: str, call: QueuedCall, attempt: int
) -> tuple[int, Headers, Spool]:
    """Invoke the function through the gateway, with the client's headers.

    The timeout is the gateway's ``upstream_timeout``. After a ``ConnectError``
    the function was not invoked; after another ``UpstreamError`` the gateway
    broke off, or the response is too large to be kept.
    """
    headers = [pair for pair in call.headers if pair[0].lower() not in _REPLACED]
    if not any(name.lower() == header_names.CALL_ID.lower() for name, _ in headers):
        headers.append((header_names.CALL_ID, call.call_id))
    headers += [(header_names.ATTEMPT, str(attempt)), ("User-Agent", names.QUEUE_WORKER_USER_AGENT)]
    response = await client.request(call.method, function_url(gateway_url, call), headers, call.body)
    return response.status, response.headers, await _read_answer(response)


async def _read_answer(response: ClientResponse) -> Spool:
    answer = Spool()
    try:
        if response.incoming.complete:
            answer.write(response.incoming.take())
        else:
            async for part in response.stream():
                answer.write(part)
    except BaseException as error:
        answer.close()
        response.close()
        if isinstance(error, TooMuchDataError):
            raise UpstreamError(f"the function's response has {error}") from error
        raise
    return answer
