"""Where the worker puts what became of a call: results, dead letters, callbacks to be tried again."""

from __future__ import annotations

import time

from nats.aio.client import Client
from nats.errors import Error as NatsError

from labkit_services.contract.errors import said
from labkit_services.contract.names import CALLBACK_SUBJECT
from labkit_services.contract.outcome import (
    QUEUE_HEADER,
    RESULT_HEADER,
    TRIED_HEADER,
    DeadKind,
    DeadLetter,
    Result,
)
from labkit_services.contract.queued import CALL_HEADER, DEDUPE_HEADER, QueuedCall
from labkit_services.contract.queues import dead_subject, result_subject
from labkit_services.jetstream.publisher import Publisher
from labkit_services.runtime.log import Log

_ROOM_FOR_HEADERS = 128 * 1024
"""nats-server's ``max_payload`` counts a message's headers too; JetStream takes 64 KiB of them."""


class Outcomes:
    """Writes to JetStream."""

    def __init__(self, nats: Client, publisher: Publisher, log: Log) -> None:
        self._nats = nats
        self._publisher = publisher
        self._log = log

    @property
    def room(self) -> int:
        """Bytes of bodies that a message may have."""
        return max(0, self._nats.max_payload - _ROOM_FOR_HEADERS)

    async def keep(self, call: QueuedCall, result: Result) -> None:
        """Keep a result for who asks for it.

        Nobody waits for the ack: results are kept as a service. It goes out
        before the call's own ack, on the same connection.
        """
        kept = result.within(self.room)
        try:
            await self._nats.publish(
                result_subject(call.call_id), kept.body, headers={RESULT_HEADER: kept.metadata()}
            )
        except (OSError, NatsError) as error:
            self._log.warning("result not kept", call_id=call.call_id, error=said(error))

    async def bury(
        self,
        queue: str,
        call: QueuedCall,
        kind: DeadKind,
        *,
        reason: str,
        attempts: int,
        result: Result | None,
    ) -> None:
        """Put a call among the dead letters of its queue.

        Raises:
            QueueUnavailableError: They are full, or nats-server is away; it must not be acknowledged then.
        """
        letter = DeadLetter(call, kind, reason, attempts, time.time_ns(), result)
        headers, body = letter.message(self.room)
        await self._publisher.publish(dead_subject(queue, call.call_id), body, headers)

    async def put_off(self, queue: str, call: QueuedCall, result: Result) -> None:
        """Put a callback into the queue of those that are to be tried again.

        Raises:
            QueueUnavailableError: nats-server is away.
        """
        headers = {
            DEDUPE_HEADER: f"{call.call_id}:{result.attempt}:{result.finished_ns}",
            CALL_HEADER: call.metadata(),
            RESULT_HEADER: result.metadata(),
            QUEUE_HEADER: queue,
            TRIED_HEADER: "1",
        }
        await self._publisher.publish(CALLBACK_SUBJECT, result.body, headers)
