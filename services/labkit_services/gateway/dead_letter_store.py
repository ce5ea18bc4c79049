"""The dead letters of a queue: list, redrive, purge."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from labkit_services.contract.events import EventType
from labkit_services.contract.names import CALLBACK_SUBJECT, short_function_name
from labkit_services.contract.outcome import QUEUE_HEADER, RESULT_HEADER, DeadKind, DeadLetterMessage, Result
from labkit_services.contract.queued_call import CALL_HEADER, DEDUPE_HEADER
from labkit_services.contract.queues import dead_stream, dead_subject
from labkit_services.gateway.nats_errors import nats_errors_as
from labkit_services.http import HttpError
from labkit_services.jetstream.event_publisher import EventPublisher
from labkit_services.jetstream.publisher import Publisher

_CONCURRENCY = 64
"""Letters redriven concurrently."""

_BATCH_BYTES = 1024 * 1024
"""Of the bodies that are held at once; a single letter may have more."""

_NO_MESSAGE = 10037
"""JetStream's error code for a missing message, unlike that for a missing
stream."""

RetryOf = Callable[[str], Mapping[str, str]]
"""Returns a function's retry annotations, by its name in the URL."""


@contextmanager
def _errors_of(queue: str) -> Iterator[None]:
    with nats_errors_as(503, f"could not access the dead letters of queue {queue}"):
        try:
            yield
        except NotFoundError as error:
            raise HttpError(404, f"there is no queue {queue}\n") from error


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter and its sequence number in the stream."""

    seq: int
    letter: DeadLetterMessage


class DeadLetterStore:
    """Reads and writes the dead-letter streams.

    Every method is for the letters of one call id, of one function's call with
    that id, or of all. It raises
    HttpError: 404 for a queue that does not exist, 503 while nats-server does
    not answer.
    """

    def __init__(self, nats: Client, publisher: Publisher, events: EventPublisher, retry_of: RetryOf) -> None:
        self._js = nats.jetstream()
        self._publisher = publisher
        self._events = events
        self._retry_of = retry_of

    async def read(
        self, queue: str, call_id: str = "", function: str = "", *, after: int = 0, limit: int = sys.maxsize
    ) -> AsyncIterator[StoredDeadLetter]:
        """Yield ``limit`` letters at most, oldest first.

        One after the other: together they can have gigabytes of bodies.
        """
        subject, count = dead_subject(queue, call_id or None), 0
        while count < limit and (message := await self._next(queue, subject, after + 1)):
            after = message.seq or 0
            try:
                letter = DeadLetterMessage.from_message(message.headers, message.data or b"")
            except ValueError:
                continue  # another version wrote it
            if function and not _is_of(letter, function):
                continue
            count += 1
            yield StoredDeadLetter(after, letter)

    async def _batch(
        self, queue: str, call_id: str, function: str, after: int, last: int
    ) -> list[StoredDeadLetter]:
        """Return letters after one, up to ``last``, as many as may be held."""
        found: list[StoredDeadLetter] = []
        size = 0
        async for stored in self.read(queue, call_id, function, after=after, limit=_CONCURRENCY):
            if stored.seq > last:
                break
            found.append(stored)
            size += stored.letter.size
            if size > _BATCH_BYTES:
                break
        return found

    async def redrive(self, queue: str, call_id: str = "", function: str = "") -> int:
        """Redrive the letters; return how many.

        A call goes back into its queue, with its function's present retry
        settings; a callback is posted again. What dies again meanwhile is not
        redriven twice.
        """
        with _errors_of(queue):
            last = (await self._js.stream_info(dead_stream(queue))).state.last_seq
        count = after = 0
        while letters := await self._batch(queue, call_id, function, after, last):
            await asyncio.gather(*(self._redrive(queue, stored) for stored in letters))
            count += len(letters)
            after = letters[-1].seq
        await self._events.store(self._publisher)  # the next status request must see the new state
        return count

    async def purge(self, queue: str, call_id: str = "", function: str = "") -> int:
        """Delete the letters; return how many."""
        if function:
            count = 0
            async for stored in self.read(queue, call_id, function):
                await self._delete(queue, stored)
                count += 1
            return count
        subject = dead_subject(queue, call_id or None)
        with _errors_of(queue):
            info = await self._js.stream_info(dead_stream(queue), subjects_filter=subject)
            await self._js.purge_stream(dead_stream(queue), subject=subject)
        return sum((info.state.subjects or {}).values())

    # -- inside

    async def _next(self, queue: str, subject: str, seq: int) -> RawStreamMsg | None:
        with _errors_of(queue):
            try:
                return await self._js.get_msg(dead_stream(queue), seq=seq, subject=subject, next=True)
            except NotFoundError as error:
                if error.err_code == _NO_MESSAGE:
                    return None
                raise

    async def _redrive(self, queue: str, stored: StoredDeadLetter) -> None:
        letter = stored.letter
        with _errors_of(queue):
            if letter.kind is DeadKind.CALLBACK and letter.result is not None and letter.result.is_complete:
                await self._redrive_callback(queue, letter, letter.result)
            else:
                await self._redrive_call(queue, letter)
        # Published before it is deleted: at worst it is in both places.
        await self._delete(queue, stored)

    async def _delete(self, queue: str, stored: StoredDeadLetter) -> None:
        with _errors_of(queue), suppress(APIError):  # another request has deleted it
            await self._js.delete_msg(dead_stream(queue), stored.seq)

    async def _redrive_callback(self, queue: str, letter: DeadLetterMessage, result: Result) -> None:
        call, time_ns = letter.call, time.time_ns()
        headers = {
            DEDUPE_HEADER: f"{call.call_id}:redrive:{letter.died_ns}",
            CALL_HEADER: call.metadata(),
            RESULT_HEADER: result.metadata(),
            QUEUE_HEADER: queue,
        }
        await self._publisher.publish(CALLBACK_SUBJECT, result.body, headers)
        function, data = short_function_name(call.function), {"delay": 0.0}
        self._events.append([time_ns, EventType.CALLBACK_RETRY, call.call_id, function, result.attempt, data])

    async def _redrive_call(self, queue: str, letter: DeadLetterMessage) -> None:
        call = letter.call
        attempts = letter.result.attempt if letter.result else call.attempts + letter.attempts
        call = call._replace(attempts=attempts, retry=dict(self._retry_of(call.function)))
        # Not the time after publishing: a free worker may take the call before
        # then.
        time_ns = time.time_ns()
        stored = await self._publisher.publish(queue, call.body, call.nats_headers())
        function = short_function_name(call.function)
        data = {"queue": queue, "seq": stored.seq, "bytes": len(call.body)}
        self._events.append([time_ns, EventType.CALL_QUEUED, call.call_id, function, 1, data])


def _is_of(letter: DeadLetterMessage, function: str) -> bool:
    return short_function_name(letter.call.function) == short_function_name(function)
