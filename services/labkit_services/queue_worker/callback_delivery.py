"""Deliver results to callback URLs: at once, and retried while a target is down."""

from __future__ import annotations

import time
from typing import Any

from nats.aio.msg import Msg

from labkit_services.contract import outcome
from labkit_services.contract.events import EventType
from labkit_services.contract.names import short_function_name
from labkit_services.contract.outcome import DeadKind, DeadLetterMessage, Result
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import Headers
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.callback_request import CallbackError, post_callback
from labkit_services.queue_worker.context import WorkerContext
from labkit_services.queue_worker.retry import Decision, Exhausted, Retry
from labkit_services.queue_worker.verdict import Ack, Nak, Term, Verdict


class CallbackHandler:
    """Delivers results.

    The first request is part of the call's own delivery. If it fails, the result goes
    into a queue of its own and the call is acknowledged. So a target that is down neither
    blocks the functions' queue nor makes a function run again. Deliveries of that queue
    are counted from the first request.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._policy = context.config.callback_retry

    async def post_first(self, number: int, queue: str, call: QueuedCall, result: Result) -> None:
        """Post a result or queue a retry, or raise QueueUnavailableError."""
        outcomes = self._context.outcomes
        match await self._post(number, call, result, 1):
            case Retry(delay) if result.is_complete and len(result.body) <= outcomes.max_body_bytes:
                await outcomes.schedule_callback(queue, call, result)
                self._emit(EventType.CALLBACK_RETRY, call, result, delay=delay)
            case Retry():
                reason = f"a result of {result.size} bytes is too large for a retry"
                await self._dead_letter(number, queue, call, result, 1, reason)
            case Exhausted(reason):
                await self._dead_letter(number, queue, call, result, 1, reason)

    async def handle(self, message: Msg) -> Verdict:
        """Process one delivery of a callback that is retried."""
        try:
            headers = message.headers or {}
            call = QueuedCall.from_message(headers, b"")
            result = Result.from_metadata(headers[outcome.RESULT_HEADER], message.data)
            queue = headers[outcome.QUEUE_HEADER]
        except (ValueError, KeyError) as error:
            self._context.log.error("a callback that was put off can't be read", error=repr(error))
            return Term()
        number, attempt = message.metadata.sequence.stream, message.metadata.num_delivered or 1
        if (
            attempt == 1 and outcome.TRIED_HEADER in headers
        ):  # the first request, which failed, counts as this one
            return Nak(self._policy.wait(1, self._context.rng))
        match await self._post(number, call, result, attempt):
            case Retry(delay):
                self._emit(EventType.CALLBACK_RETRY, call, result, delay=delay)
                return Nak(delay)
            case Exhausted(reason):
                try:
                    await self._dead_letter(number, queue, call, result, attempt, reason)
                except QueueUnavailableError as error:
                    self._context.log.warning("dead letter not stored", call_id=call.call_id, error=error)
                    return Nak(self._policy.max_wait)
        return Ack()

    async def _post(self, number: int, call: QueuedCall, result: Result, attempt: int) -> Decision:
        """Send one request; decide what follows."""
        context, lines = self._context, self._context.lines
        lines.calling_back(number, call.callback)
        self._emit(EventType.CALLBACK_SENT, call, result, url=call.callback)
        max_attempts = context.policy_of(call).attempts
        try:
            status, headers = await post_callback(context.client, context.config, call, result, max_attempts)
        except CallbackError as error:
            lines.callback_failed(number, error)
            self._emit(EventType.CALLBACK_ANSWERED, call, result, error=str(error))
            context.counts.callbacks["error"] += 1
            decision = context.decide(self._policy, attempt, 503, Headers())
            return Exhausted(str(error)) if error.is_final or isinstance(decision, Exhausted) else decision
        lines.called_back(number, call, call.callback, status)
        self._emit(EventType.CALLBACK_ANSWERED, call, result, status=status)
        context.counts.callbacks[str(status)] += 1
        return context.decide(self._policy, attempt, status, headers)

    async def _dead_letter(
        self, number: int, queue: str, call: QueuedCall, result: Result, attempts: int, reason: str
    ) -> None:
        letter = DeadLetterMessage(call, DeadKind.CALLBACK, reason, attempts, time.time_ns(), result)
        await self._context.outcomes.store_dead_letter(queue, letter)
        self._context.lines.callback_dead(number, call, reason)
        self._emit(EventType.CALLBACK_DEAD, call, result, reason=reason)
        self._context.counts.dead[queue, short_function_name(call.function)] += 1

    def _emit(self, type_: str, call: QueuedCall, result: Result, **data: Any) -> None:
        function = short_function_name(call.function)
        self._context.events.emit(type_, call.call_id, function, result.attempt, **data)
