"""A look into a queue: its numbers and its messages; nothing is consumed."""

from __future__ import annotations

import base64
from typing import Any

from labkit_services.contract.names import WORKER_CONSUMER
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.contract.queues import queue_stream
from labkit_services.contract.times import rfc3339
from labkit_services.contract.wire_text import readable
from labkit_services.http.origin import redacted
from labkit_services.inspector.calls.event_log_connection import EventLogConnection
from labkit_services.inspector.errors import NotFoundError, UnavailableError
from labkit_services.inspector.formats.secrets import mask_headers

_BODY_BYTES = 1024
"""Of each body: the answer stays small."""


class QueuePeek:
    """Reads queues over the inspector's own connection to nats-server.

    JetStream's message API returns a message by its number and leaves the
    consumer as it is (``$JS.API.STREAM.MSG.GET``).
    """

    def __init__(self, connection: EventLogConnection) -> None:
        self._connection = connection

    async def peek(self, queue: str, limit: int) -> dict[str, Any]:
        """Return the state of a queue, and its next ``limit`` messages.

        ``next`` waits for its first delivery; ``unacknowledged`` was delivered
        and runs, or waits for a retry. Both begin with the oldest.
        """
        from nats.errors import Error as NatsError
        from nats.js.errors import APIError

        from labkit_services.jetstream.queue_depth import DepthUnknownError, QueueMissingError, depth_of

        client = self._connection.client
        try:
            depth = await depth_of(client, queue)
            consumer = await client.jetstream().consumer_info(queue_stream(queue), WORKER_CONSUMER)
            delivered = consumer.delivered.stream_seq if consumer.delivered else 0
            following = await self._messages(queue, delivered + 1, limit)
            outstanding = await self._messages(queue, 1, limit, last=delivered)
        except QueueMissingError as error:
            raise NotFoundError(
                f"there is no queue {queue}", seen=error.seen, next_step="see all: GET /api/v1/queues"
            ) from error
        except (DepthUnknownError, APIError, NatsError, OSError) as error:
            raise UnavailableError(
                "nats-server does not answer for the queue", seen=str(error), next_step="labkit status"
            ) from error
        return {
            "queue": queue,
            "pending": depth.pending,
            "ack_pending": depth.outstanding,
            "redelivered": depth.redelivered,
            "oldest_seconds": round(depth.oldest_seconds, 3),
            "dead_letters": depth.dead,
            "next": following,
            "unacknowledged": outstanding,
        }

    async def _messages(
        self, queue: str, seq: int, limit: int, *, last: int | None = None
    ) -> list[dict[str, Any]]:
        from nats.js.errors import NotFoundError as NoMessageError

        js, stream = self._connection.client.jetstream(), queue_stream(queue)
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            try:
                message = await js.get_msg(stream, seq=seq, subject=queue, next=True)
            except NoMessageError:
                break
            if message.seq is None or (last is not None and message.seq > last):
                break
            found.append(_to_json(message.seq, message.headers, message.data or b""))
            seq = message.seq + 1
        return found


def _to_json(seq: int, headers: dict[str, str] | None, data: bytes) -> dict[str, Any]:
    try:
        call = QueuedCall.from_message(headers, data)
    except ValueError as error:
        return {"sequence": seq, "error": str(error), "bytes": len(data)}
    shown = call.body[:_BODY_BYTES]
    return {
        "sequence": seq,
        "call_id": call.call_id,
        "function": call.function,
        "method": call.method,
        "path": readable(call.path),
        "query_string": readable(call.query),
        "headers": [(name, readable(value)) for name, value in mask_headers(call.headers)],
        "callback_url": redacted(call.callback) if call.callback else None,
        "accepted_at": rfc3339(call.accepted_ns),
        "earlier_attempts": call.attempts,
        "bytes": len(call.body),
        "body_base64": base64.b64encode(shown).decode(),
        "truncated": len(shown) < len(call.body),
    }
