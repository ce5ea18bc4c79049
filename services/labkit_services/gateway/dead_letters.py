"""The dead letters of a queue: looked at, put back, thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from labkit_services.contract.errors import error_text
from labkit_services.contract.events import EventType
from labkit_services.contract.names import CALLBACK_SUBJECT, short_function_name
from labkit_services.contract.outcome import QUEUE_HEADER, RESULT_HEADER, DeadKind, DeadLetterMessage
from labkit_services.contract.queued_call import CALL_HEADER, DEDUPE_HEADER
from labkit_services.contract.queues import dead_stream, dead_subject
from labkit_services.gateway.headers import now_ns
from labkit_services.http import HttpError
from labkit_services.jetstream.event_publisher import Events
from labkit_services.jetstream.publisher import Publisher

_AT_ONCE = 64
"""Letters put back side by side."""

_NO_MESSAGE = 10037
"""JetStream's error code for a message that is not there, as distinct from a stream that is not."""

RetryOf = Callable[[str], Mapping[str, str]]
"""A function's annotations about retries, by its name in the URL."""


@contextmanager
def _answered(queue: str) -> Iterator[None]:
    """Tell the caller of the API, in place of a bare 500, what nats-server said."""
    try:
        yield
    except NotFoundError as error:
        raise HttpError(404, f"there is no queue {queue}\n") from error
    except (NatsError, OSError, TimeoutError) as error:
        raise HttpError(503, f"nats-server does not answer: {error_text(error)}; try again\n") from error


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter and its sequence number in the stream."""

    seq: int
    letter: DeadLetterMessage


class DeadLetters:
    """Reads and writes the dead-letter streams.

    Every method raises HttpError: 404 for a queue that does not exist, 503 while
    nats-server does not answer.
    """

    def __init__(self, nats: Client, publisher: Publisher, events: Events, retry_of: RetryOf) -> None:
        self._js = nats.jetstream()
        self._publisher = publisher
        self._events = events
        self._retry_of = retry_of

    async def some(self, queue: str, *, after: int, limit: int) -> list[Kept]:
        """Return at most ``limit`` letters that came after sequence number ``after``, oldest first."""
        found: list[Kept] = []
        async for kept in self._letters(queue, dead_subject(queue, None), after):
            found.append(kept)
            if len(found) >= limit:
                break
        return found

    async def of_call(self, queue: str, call_id: str) -> list[Kept]:
        """Return the letters of one call, oldest first; it may have died more than once."""
        return [kept async for kept in self._letters(queue, dead_subject(queue, call_id), 0)]

    async def redrive(self, queue: str, call_id: str = "") -> int:
        """Put letters back where they came from, those of one call or all; return how many.

        A call goes back into its queue, with its function's settings of today; a callback
        is tried again. What dies again meanwhile is not put back a second time.
        """
        if call_id:
            kept = await self.of_call(queue, call_id)
            await asyncio.gather(*(self._put_back(queue, one) for one in kept))
            await self._events.store(self._publisher)  # who asks next shall not hear of the old end
            return len(kept)
        last = await self._last(queue)
        count = after = 0
        while kept := [one for one in await self.some(queue, after=after, limit=_AT_ONCE) if one.seq <= last]:
            await asyncio.gather(*(self._put_back(queue, one) for one in kept))
            count += len(kept)
            after = kept[-1].seq
        await self._events.store(self._publisher)
        return count

    async def purge(self, queue: str, call_id: str = "") -> int:
        """Throw letters away, those of one call or all; return how many there were."""
        subject = dead_subject(queue, call_id or None)
        with _answered(queue):
            info = await self._js.stream_info(dead_stream(queue), subjects_filter=subject)
            await self._js.purge_stream(dead_stream(queue), subject=subject)
        return sum((info.state.subjects or {}).values())

    # -- inside

    async def _letters(self, queue: str, subject: str, after: int) -> AsyncIterator[Kept]:
        while True:
            message = await self._next(queue, subject, after + 1)
            if message is None:
                return
            after = message.seq or 0
            try:
                yield Kept(after, DeadLetterMessage.from_message(message.headers, message.data or b""))
            except ValueError:
                continue  # of another version

    async def _next(self, queue: str, subject: str, seq: int) -> RawStreamMsg | None:
        with _answered(queue):
            try:
                return await self._js.get_msg(dead_stream(queue), seq=seq, subject=subject, next=True)
            except NotFoundError as error:
                if error.err_code == _NO_MESSAGE:
                    return None
                raise

    async def _last(self, queue: str) -> int:
        with _answered(queue):
            return (await self._js.stream_info(dead_stream(queue))).state.last_seq

    async def _put_back(self, queue: str, kept: Kept) -> None:
        letter = kept.letter
        call = letter.call
        function = short_function_name(call.function)
        # Not the time after storing it: a free worker may have it before that, and would seem to have
        # had it before it was put back.
        time_ns = now_ns()
        with _answered(queue):
            if letter.kind is DeadKind.CALLBACK and letter.result is not None and letter.result.is_complete:
                headers = {
                    DEDUPE_HEADER: f"{call.call_id}:redrive:{letter.died_ns}",
                    CALL_HEADER: call.metadata(),
                    RESULT_HEADER: letter.result.metadata(),
                    QUEUE_HEADER: queue,
                }
                await self._publisher.publish(CALLBACK_SUBJECT, letter.result.body, headers)
                self._events.append(
                    [
                        time_ns,
                        EventType.CALLBACK_RETRY,
                        call.call_id,
                        function,
                        letter.result.attempt,
                        {"delay": 0.0},
                    ]
                )
            else:
                attempts = letter.result.attempt if letter.result else call.attempts + letter.attempts
                call = replace(call, attempts=attempts, retry=dict(self._retry_of(call.function)))
                stored = await self._publisher.publish(queue, call.body, call.nats_headers())
                data = {"queue": queue, "seq": stored.seq, "bytes": len(call.body)}
                self._events.append([time_ns, EventType.CALL_QUEUED, call.call_id, function, 1, data])
            # Stored there before it is deleted here: at worst it is in both places.
            with suppress(APIError):  # somebody else has put it back at the same time
                await self._js.delete_msg(dead_stream(queue), kept.seq)
