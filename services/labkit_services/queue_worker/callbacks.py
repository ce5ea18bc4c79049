"""Callbacks: posted at once, and while the target is down, put off and tried again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from nats.aio.msg import Msg

from labkit_services.contract.events import EventType
from labkit_services.contract.names import short_function_name
from labkit_services.contract.outcome import QUEUE_HEADER, RESULT_HEADER, TRIED_HEADER, DeadKind, Result
from labkit_services.contract.queued import QueuedCall
from labkit_services.http import Headers, HttpClient
from labkit_services.jetstream.connection import Events
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.callback import CallbackError, callback_headers, post
from labkit_services.queue_worker.config import Config
from labkit_services.queue_worker.consumer import settle
from labkit_services.queue_worker.loglines import WorkerLog
from labkit_services.queue_worker.metrics import Counts
from labkit_services.queue_worker.outcomes import Outcomes
from labkit_services.queue_worker.retry import Again, Decision, Exhausted, decide
from labkit_services.runtime.log import Log


class Callbacks:
    """Delivers results.

    The first try is made by whoever had the result. When the target is down, the
    result goes into a queue of its own and the call is acknowledged: a target that
    is away neither holds up the functions' queue nor has the function run again.
    The deliveries of that queue are counted from the first try.
    """

    def __init__(
        self,
        client: HttpClient,
        config: Config,
        outcomes: Outcomes,
        events: Events,
        counts: Counts,
        lines: WorkerLog,
        log: Log,
    ) -> None:
        self._client = client
        self._config = config
        self._policy = config.callback_retry
        self._outcomes = outcomes
        self._events = events
        self._counts = counts
        self._lines = lines
        self._log = log
        self._rng = random.Random()  # noqa: S311  # spreads retries, keeps no secret

    async def deliver(self, number: int, queue: str, call: QueuedCall, result: Result) -> None:
        """Post a result for the first time; see to all that follows from a failure.

        Raises:
            QueueUnavailableError: It failed, and could not be put off.
        """
        match await self._post(number, call, result, 1):
            case Again(delay) if result.is_whole and len(result.body) <= self._outcomes.room:
                await self._outcomes.put_off(queue, call, result)
                self._emit(EventType.CALLBACK_RETRY, call, result, delay=delay)
            case Again():
                await self._give_up(
                    number, queue, call, result, 1, f"a result of {result.size} bytes can't be put off"
                )
            case Exhausted(reason):
                await self._give_up(number, queue, call, result, 1, reason)

    async def handle(self, message: Msg) -> None:
        """Work on one delivery of a callback that was put off."""
        try:
            headers = message.headers or {}
            call = QueuedCall.from_message(headers, b"")
            result = Result.from_metadata(headers[RESULT_HEADER], message.data)
            queue = headers[QUEUE_HEADER]
        except (ValueError, KeyError) as error:
            self._log.error("a callback that was put off can't be read", error=repr(error))
            await settle(message.term(), self._log)
            return
        tries = message.metadata.num_delivered or 1
        if tries == 1 and TRIED_HEADER in headers:  # that was the try that failed
            await settle(message.nak(delay=self._policy.wait(1, self._rng)), self._log)
            return
        decision = await self._post(message.metadata.sequence.stream, call, result, tries)
        match decision:
            case Again(delay):
                await self._put_off(message, call, result, delay)
                return
            case Exhausted(reason):
                try:
                    await self._give_up(message.metadata.sequence.stream, queue, call, result, tries, reason)
                except QueueUnavailableError as error:
                    self._log.warning("dead letter not stored", call_id=call.call_id, error=error)
                    await settle(message.nak(delay=self._policy.max_wait), self._log)
                    return
        await settle(message.ack(), self._log)

    async def _post(self, number: int, call: QueuedCall, result: Result, tries: int) -> Decision:
        """Post once; return what follows."""
        self._lines.calling_back(number, call.callback)
        self._emit(EventType.CALLBACK_SENT, call, result, url=call.callback)
        max_attempts = self._config.retry.of(call.retry).attempts
        try:
            status, headers = await post(
                self._client,
                call.callback,
                callback_headers(call, result, max_attempts),
                result.body,
                gateway_url=self._config.gateway_url,
                patience=self._config.callback_timeout,
            )
        except CallbackError as error:
            self._lines.callback_failed(number, error)
            self._emit(EventType.CALLBACK_ANSWERED, call, result, error=str(error))
            self._counts.callbacks["error"] += 1
            if error.is_final:
                return Exhausted(str(error))
            decision = self._decide(tries, 503, Headers())
            return Exhausted(str(error)) if isinstance(decision, Exhausted) else decision
        self._lines.called_back(number, call, call.callback, status)
        self._emit(EventType.CALLBACK_ANSWERED, call, result, status=status)
        self._counts.callbacks[str(status)] += 1
        return self._decide(tries, status, headers)

    def _decide(self, tries: int, status: int, headers: Headers) -> Decision:
        return decide(self._policy, tries, status, headers, self._rng, datetime.now(UTC))

    async def _put_off(self, message: Msg, call: QueuedCall, result: Result, delay: float) -> None:
        self._emit(EventType.CALLBACK_RETRY, call, result, delay=delay)
        await settle(message.nak(delay=delay), self._log)

    async def _give_up(
        self, number: int, queue: str, call: QueuedCall, result: Result, tries: int, reason: str
    ) -> None:
        await self._outcomes.bury(
            queue, call, DeadKind.CALLBACK, reason=reason, attempts=tries, result=result
        )
        self._lines.callback_dead(number, call, reason)
        self._emit(EventType.CALLBACK_DEAD, call, result, reason=reason)
        self._counts.dead[queue, short_function_name(call.function)] += 1

    def _emit(self, type_: str, call: QueuedCall, result: Result, **data: Any) -> None:
        self._events.emit(type_, call.call_id, short_function_name(call.function), result.attempt, **data)
