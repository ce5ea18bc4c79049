"""Store outcomes of calls: results, dead letters, callbacks to retry."""

from __future__ import annotations

from labkit_services.contract import outcome
from labkit_services.contract.errors import error_text
from labkit_services.contract.names import CALLBACK_SUBJECT
from labkit_services.contract.outcome import DeadLetterMessage, Result
from labkit_services.contract.queued_call import CALL_HEADER, DEDUPE_HEADER, QueuedCall
from labkit_services.contract.queues import dead_subject, result_subject
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.direct_messages import messages_of
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.log import Log

_HEADER_BYTES = 128 * 1024
"""Reserved for headers: nats-server's ``max_payload`` includes them; JetStream
takes 64 KiB of them."""


class OutcomeStore:
    """Writes outcomes to JetStream."""

    def __init__(self, nats: Client, publisher: Publisher, log: Log) -> None:
        self._nats = nats
        self._messages = messages_of(nats)
        self._publisher = publisher
        self._log = log

    @property
    def max_body_bytes(self) -> int:
        """How large the body of a message may be."""
        return max(0, self._nats.max_payload - _HEADER_BYTES)

    async def store_result(self, call: QueuedCall, result: Result) -> None:
        """Store a result.

        No acknowledgement is awaited: a lost result is no lost call. The
        message is sent before the call's own acknowledgement, on the same
        connection.
        """
        body, headers = result.body[: self.max_body_bytes], {outcome.RESULT_HEADER: result.metadata()}
        try:
            await self._messages.publish(result_subject(call.call_id, call.function), body, "", headers)
        except (OSError, NatsError) as error:
            self._log.warning("result not kept", call_id=call.call_id, error=error_text(error))

    async def store_dead_letter(self, queue: str, letter: DeadLetterMessage) -> None:
        """Store a dead letter, or raise ``QueueUnavailableError``."""
        headers, body = letter.message(self.max_body_bytes)
        await self._publisher.publish(dead_subject(queue, letter.call.call_id), body, headers)

    async def schedule_callback(self, queue: str, call: QueuedCall, result: Result) -> None:
        """Queue a callback for a retry, or raise ``QueueUnavailableError``."""
        headers = {
            DEDUPE_HEADER: f"{call.call_id}:{result.attempt}:{result.finished_ns}",
            CALL_HEADER: call.metadata(),
            outcome.RESULT_HEADER: result.metadata(),
            outcome.QUEUE_HEADER: queue,
            outcome.TRIED_HEADER: "1",
        }
        await self._publisher.publish(CALLBACK_SUBJECT, result.body, headers)
