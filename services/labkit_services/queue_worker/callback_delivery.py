"""Post results to callback URLs, and retry while a target is down."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

from labkit_services.contract import headers as header_names
from labkit_services.contract import names, outcome
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.events import EventType
from labkit_services.contract.outcome import DeadKind, DeadLetterMessage, Result
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.contract.wire_text import readable
from labkit_services.http import Headers, HttpClient, UpstreamError
from labkit_services.http.go_url import go_quoted
from labkit_services.http.headers import NOT_FORWARDED
from labkit_services.http.origin import redacted
from labkit_services.jetstream.delivered_message import DeliveredMessage
from labkit_services.jetstream.publisher import QueueUnavailableError
from labkit_services.queue_worker.callback_request import (
    MAX_REQUESTS,
    CallbackRequest,
    resolve_alias,
)
from labkit_services.queue_worker.consumer import Ack, Nak, Term, Verdict
from labkit_services.queue_worker.retry import Decision, Exhausted, NoRetry, Retry
from labkit_services.queue_worker.worker_context import WorkerContext
from labkit_services.runtime.spool import Spool


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

    async def post_first(
        self, number: int, queue: str, call: QueuedCall, result: Result, answer: Spool
    ) -> None:
        """Post a result or queue a retry, or raise QueueUnavailableError.

        ``answer`` is the complete body, of which ``result`` may have only the
        beginning.
        """
        outcomes = self._context.outcomes
        match await self._post(number, call, result, 1, answer):
            case Retry(delay) if result.is_complete and len(result.body) <= outcomes.max_body_bytes:
                await outcomes.schedule_callback(queue, call, result)
                self._emit(EventType.CALLBACK_RETRY, call, result, delay=delay)
            case Retry():
                reason = f"a result of {result.size} bytes is too large for a retry"
                await self._dead_letter(number, queue, call, result, 1, reason)
            case Exhausted(reason):
                await self._dead_letter(number, queue, call, result, 1, reason)

    async def handle(self, message: DeliveredMessage) -> Verdict:
        """Process one delivery of a callback that is retried."""
        try:
            headers = message.headers
            call = QueuedCall.from_message(headers, b"")
            result = Result.from_metadata(headers[outcome.RESULT_HEADER], message.data)
            queue = headers[outcome.QUEUE_HEADER]
        except (ValueError, KeyError) as error:
            self._context.log.error("a callback to be retried can't be read", error=repr(error))
            return Term()
        attempt = message.num_delivered
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

    async def _post(
        self, number: int | str, call: QueuedCall, result: Result, attempt: int, answer: Spool | None = None
    ) -> Decision:
        """Send one request, and follow its redirects; decide what follows.

        Any status but 2xx means that the target does not have the result. One
        that no retry can change is final: the result is refused.
        """
        context, lines = self._context, self._context.lines
        lines.calling_back(number, redacted(call.callback))
        self._emit(EventType.CALLBACK_SENT, call, result, url=redacted(call.callback))
        try:
            url, status, headers = await self._follow(number, call, result, answer)
        except CallbackError as error:
            lines.callback_failed(number, error)
            self._emit(EventType.CALLBACK_ANSWERED, call, result, error=str(error))
            context.counts.callbacks["error"] += 1
            decision = context.decide(self._policy, attempt, 503, Headers())
            return Exhausted(str(error)) if error.is_final or isinstance(decision, Exhausted) else decision
        decision = context.decide(self._policy, attempt, status, headers)
        data: dict[str, Any] = {"status": status}
        if url != call.callback:
            data["location"] = redacted(url)
        lines.called_back(number, call, redacted(call.callback), status)
        if isinstance(decision, NoRetry) and not 200 <= status < 300:
            data["refused"] = True
            lines.refused(number, call, redacted(url), status)
        self._emit(EventType.CALLBACK_ANSWERED, call, result, **data)
        context.counts.callbacks[str(status)] += 1
        return decision

    async def _follow(
        self, number: int | str, call: QueuedCall, result: Result, answer: Spool | None
    ) -> tuple[str, int, Headers]:
        """Post a result; return the last URL, its status and headers.

        Raises:
            CallbackError: There was no response within ``callback_timeout``.
        """
        context = self._context
        timeout, gateway_url = context.config.callback_timeout, context.config.gateway_url
        headers = callback_headers(call, result, context.policy_of(call).attempts)
        request = CallbackRequest("POST", call.callback, tuple(headers), result.body)
        whole = answer if answer is not None and not result.is_complete else None
        try:
            async with asyncio.timeout(timeout):
                for _ in range(MAX_REQUESTS):
                    status, headers_back = await _request(context.client, request, whole, gateway_url)
                    following = _following(request, status, headers_back, result.body)
                    if following is None:
                        return request.url, status, headers_back
                    request = following
                    context.lines.redirected(number, redacted(request.url), status)
        except TimeoutError as error:
            raise CallbackError(request.error(f"no answer within {timeout:g} s")) from error
        except ValueError as error:
            text = error.headline if isinstance(error, InvalidValueError) else str(error)
            raise CallbackError(request.error(text), is_final=True) from error
        except UpstreamError as error:
            raise CallbackError(request.error(error)) from error
        raise CallbackError(request.error(f"stopped after {MAX_REQUESTS} redirects"), is_final=True)

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


def _following(
    request: CallbackRequest, status: int, headers: Headers, body: bytes
) -> CallbackRequest | None:
    location = headers.get("Location")
    try:
        return request.redirected(status, location, body)
    except ValueError as error:
        shown = go_quoted(redacted(location))
        reason = str(error).replace(go_quoted(readable(location)), shown)
        raise ValueError(f"failed to parse Location header {shown}: {reason}") from error


async def _request(
    client: HttpClient, request: CallbackRequest, whole: Spool | None, gateway_url: str
) -> tuple[int, Headers]:
    """Send one request; return status and headers of the response.

    ``whole`` is the body of a POST, if the request has only its beginning.
    """
    url, headers = resolve_alias(request.url, gateway_url), request.sent_headers()
    body: bytes | AsyncIterator[bytes] = request.body
    if whole is not None and request.method == "POST":
        headers.append(("Content-Length", str(whole.size)))
        body = whole.stream()
    response = await client.request(request.method, url, headers, body)
    response.close()  # its body, of any size, is not read
    return response.status, response.headers


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
