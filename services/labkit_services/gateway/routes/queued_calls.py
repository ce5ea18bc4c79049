"""``/system/queues/QUEUE/calls``: cancel all calls of a queue.

An addition to OpenFaaS, which has no such API.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from nats.aio.client import Client
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.events import EventType
from labkit_services.contract.names import short_function_name
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.contract.queues import job_token, queue_stream
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.gateway.routes import Route
from labkit_services.gateway.routes.queues import queue_of
from labkit_services.http import HttpError, Request, Response
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.publisher import Publisher

_CONCURRENCY = 64
"""Calls cancelled concurrently."""


class QueuedCallRoutes:
    """Handlers for all calls that are in a queue, running ones included."""

    def __init__(
        self, nats: Client, publisher: Publisher, cancelled: KeyValue, events: EventPublisher
    ) -> None:
        self._nats = nats
        self._publisher = publisher
        self._cancelled = cancelled
        self._events = events
        self.routes: list[Route] = [("DELETE", "/system/queues/{queue}/calls", self._cancel_all)]

    async def _cancel_all(self, _: Request, captured: dict[str, str]) -> Response:
        """Cancel the calls that are in the queue at this moment."""
        queue, count = queue_of(captured), 0
        with nats_errors_as(500, f"not all calls of queue {queue} were cancelled"):
            batch: list[int] = []
            async for seq in self._sequences(queue):
                batch.append(seq)
                if len(batch) == _CONCURRENCY:
                    count += await self._cancel(queue, batch)
                    batch = []
            count += await self._cancel(queue, batch)
            await self._events.store(self._publisher)
        return Response.json(200, {"cancelled": count})

    async def _sequences(self, queue: str) -> AsyncIterator[int]:
        """Yield the sequence numbers that may hold a call."""
        try:
            state = (await self._nats.jetstream().stream_info(queue_stream(queue))).state
        except NotFoundError as error:
            raise HttpError(404, f"there is no queue {queue}\n") from error
        for seq in range(max(1, state.first_seq), state.last_seq + 1):
            yield seq

    async def _cancel(self, queue: str, sequences: list[int]) -> int:
        return sum(await asyncio.gather(*(self._cancel_one(queue, seq) for seq in sequences)))

    async def _cancel_one(self, queue: str, seq: int) -> bool:
        """Cancel a call, as ``DELETE /async-function/CALL-ID`` does."""
        stream = queue_stream(queue)
        try:
            message = await self._nats.jetstream().get_msg(stream, seq=seq)
            call = QueuedCall.from_message(message.headers, message.data or b"")
        except (NotFoundError, ValueError):
            return False  # over already, or not a call
        await self._cancelled.put(job_token(call.call_id, call.function), str(time.time_ns()).encode())
        self._events.emit(EventType.CALL_CANCELLED, call.call_id, short_function_name(call.function))
        with suppress(APIError):  # a worker has dropped it already
            await self._nats.jetstream().delete_msg(stream, seq)
        return True
