"""Post results to callback URLs, and retry while a target is down."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nats.aio.msg import Msg

from labkit_services.contract import headers as header_names
from labkit_services.contract import names, outcome
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.events import EventType
from labkit_services.contract.outcome import DeadKind, DeadLetterMessage, Result
from labkit_services.contract.ports import GATEWAY_ALIAS_PORT
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.http import Headers, UpstreamError
from labkit_services.http.headers import NOT_FORWARDED
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.consumer import Ack, Nak, Term, Verdict
from labkit_services.queue_worker.retry import Decision, Exhausted, Retry
from labkit_services.queue_worker.worker_context import WorkerContext


class CallbackError(Exception):
    """A callback request had no response."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final
        """A retry would fail in the same way: the URL is unusable."""


class CallbackHandler:
    """Delivers results.

    The first request is part of the call's own delivery. If it fails, the
    result goes into a queue of its own and the call is acknowledged. So a
    target that is down neither blocks the functions' queue nor makes a
    function run again. Deliveries of that queue are counted from the first
    request.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._policy = context.config.callback_retry
        self._numbers = itertools.count(1)

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
            self._context.log.error("a callback to be retried can't be read", error=repr(error))
            return Term()
        attempt = message.metadata.num_delivered or 1
        if attempt == 1 and outcome.TRIED_HEADER in headers:
            # The first request, which failed, counts as this one.
            return Nak(self._policy.wait(1, self._context.rng))
        # Not the number of a delivery: it would be taken for that call's.
        number = f"callback-{next(self._numbers)}"
        self._context.lines.retrying_callback(number, call, attempt)
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

    async def _post(self, number: int | str, call: QueuedCall, result: Result, attempt: int) -> Decision:
        """Send one request; decide what follows."""
        context, lines = self._context, self._context.lines
        lines.calling_back(number, call.callback)
        self._emit(EventType.CALLBACK_SENT, call, result, url=call.callback)
        try:
            status, headers = await _post_callback(context, call, result)
        except CallbackError as error:
            lines.callback_failed(number, error)
            self._emit(EventType.CALLBACK_ANSWERED, call, result, error=str(error))
            context.counts.callbacks["error"] += 1
            decision = context.decide(self._policy, attempt, 503, Headers())
            return Exhausted(str(error)) if error.is_final or isinstance(decision, Exhausted) else decision
        lines.called_back(number, call, status)
        self._emit(EventType.CALLBACK_ANSWERED, call, result, status=status)
        context.counts.callbacks[str(status)] += 1
        return context.decide(self._policy, attempt, status, headers)

    async def _dead_letter(
        self, number: int | str, queue: str, call: QueuedCall, result: Result, attempts: int, reason: str
    ) -> None:
        letter = DeadLetterMessage(call, DeadKind.CALLBACK, reason, attempts, time.time_ns(), result)
        await self._context.outcomes.store_dead_letter(queue, letter)
        self._context.lines.dead(number, call, reason, callback=True)
        self._emit(EventType.CALLBACK_DEAD, call, result, reason=reason)
        self._context.counts.dead[queue, names.short_function_name(call.function)] += 1

    def _emit(self, type_: str, call: QueuedCall, result: Result, **data: Any) -> None:
        function = names.short_function_name(call.function)
        self._context.events.emit(type_, call.call_id, function, result.attempt, **data)


async def _post_callback(context: WorkerContext, call: QueuedCall, result: Result) -> tuple[int, Headers]:
    """Post a result; return status and headers, or raise ``CallbackError``."""
    url, timeout = call.callback, context.config.callback_timeout
    headers = callback_headers(call, result, context.policy_of(call).attempts)
    try:
        async with asyncio.timeout(timeout):
            target = resolve_alias(url, context.config.gateway_url)
            response = await context.client.request("POST", target, headers, result.body)
            response.close()
            return response.status, response.headers
    except TimeoutError as error:
        raise CallbackError(f'Post "{url}": no answer within {timeout:g} s') from error
    except ValueError as error:
        text = error.headline if isinstance(error, InvalidValueError) else str(error)
        raise CallbackError(f'Post "{url}": {text}', is_final=True) from error
    except UpstreamError as error:
        raise CallbackError(f'Post "{url}": {error}') from error


def callback_headers(call: QueuedCall, result: Result, max_attempts: int) -> list[tuple[str, str]]:
    """Return the function's own headers, then OpenFaaS's about the call."""
    about_call = {
        header_names.CALL_ID: call.call_id,
        header_names.DURATION_SECONDS: f"{result.seconds:.6f}",
        header_names.FUNCTION_STATUS: str(result.status),
        header_names.FUNCTION_NAME: call.function,
        # Equal numbers mean that no retry will follow (OpenFaaS Pro).
        header_names.RETRY: str(result.attempt - 1 - call.attempts),
        header_names.RETRY_MAX: str(max_attempts - 1),
        "User-Agent": names.QUEUE_WORKER_USER_AGENT,
    }
    # The date is the response's, as in OpenFaaS.
    replaced = NOT_FORWARDED | {name.lower() for name in about_call}
    copied = [pair for pair in result.headers if pair[0].lower() not in replaced]
    return [*copied, *about_call.items()]


def resolve_alias(url: str, gateway_url: str) -> str:
    """Replace ``http://gateway:8080`` in ``url`` by the lab's own gateway.

    In a cluster the name server resolves that name; a lab has none. A ``url``
    with an invalid port or host raises ValueError.
    """
    parts = urlsplit(url)
    if parts.hostname in names.GATEWAY_ALIASES and (parts.port or 80) == GATEWAY_ALIAS_PORT:
        return urlunsplit(parts._replace(scheme="http", netloc=urlsplit(gateway_url).netloc))
    return url
