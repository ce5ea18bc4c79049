"""Group commit: calls that arrive together are stored by one atomic batch.

For a nats-server that calls fsync for each message. A batch costs as much as
some ten messages: nats-server writes it to a file of its own first. So a few
calls at a time are published alone, as without this; many gather while the
batch before theirs is committed, as in a database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from labkit_services.jetstream.atomic_batch import AtomicBatches, BatchError, NoBatchesError
from labkit_services.jetstream.publisher import PublishAck, Publisher
from labkit_services.runtime.service import Service

_SMALLEST = 12
"""Calls of a batch that pays: 10 on a disk whose fsync takes 2 ms, 14 on one
of 0.12 ms (nats-server 2.15)."""
_LARGEST = 250
"""nats-server's limit is 1,000."""
_LARGEST_BYTES = 1024 * 1024
_PAUSE_SHARE = 0.5
"""Part of a commit's time that the next batch waits at most for as many calls
as can be expected: with a shorter pause some clients miss each other batch."""
_LONGEST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _WaitingCall:
    """A call that waits for a commit.

    Attributes:
        ack: JetStream's, or None if the call has to be published alone.
    """

    body: bytes
    headers: Mapping[str, str]
    ack: asyncio.Future[PublishAck | None]

    @property
    def size(self) -> int:
        """Bytes of body and headers."""
        return len(self.body) + sum(map(len, self.headers.values()))

    def settle(self, ack: PublishAck | None) -> None:
        if not self.ack.done():
            self.ack.set_result(ack)


class BatchPublisher:
    """Publishes as ``Publisher`` does; many calls at once by batches."""

    def __init__(self, publisher: Publisher, batches: AtomicBatches, service: Service) -> None:
        self._publisher = publisher
        self._batches = batches
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._groups: dict[str, _Group] = {}

    async def publish(self, subject: str, body: bytes, headers: dict[str, str]) -> PublishAck:
        """Store one message, and raise as ``Publisher.publish`` does.

        If a batch is refused or not acknowledged, each of its calls is
        published alone. Its id keeps it from being stored twice.
        """
        if (group := self._groups.get(subject)) is None:
            group = self._groups[subject] = _Group(subject, self._batches, self._service)
        began = self._loop.time()
        if (ack := await group.publish(body, headers)) is not None:
            return ack
        group.alone += 1
        try:
            waited = self._loop.time() - began
            return await self._publisher.publish(subject, body, headers, waited=waited)
        finally:
            group.alone -= 1
            group.changed.set()


class _Group:
    """The calls of one subject that wait for a commit.

    Attributes:
        alone: Number of calls that are being published alone.
        changed: Is set when a call has joined, or one alone has ended.
    """

    def __init__(self, subject: str, batches: AtomicBatches, service: Service) -> None:
        self.alone = 0
        self.changed = asyncio.Event()
        self._subject = subject
        self._batches = batches
        self._service = service
        self._waiting: list[_WaitingCall] = []
        self._task: asyncio.Task[None] | None = None
        self._is_enabled = False
        self._takes_batches = True

    async def publish(self, body: bytes, headers: Mapping[str, str]) -> PublishAck | None:
        """Store a message with others; None: it has to be published alone."""
        if self._task is None:
            if self.alone < _SMALLEST or not self._takes_batches:
                return None
            self._task = self._service.tasks.start(self._run(), name=f"commit calls of {self._subject}")
        call = _WaitingCall(body, headers, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self.changed.set()
        return await call.ack

    async def _run(self) -> None:
        """Commit batches until too few calls come for one."""
        try:
            await self._until(lambda: not self.alone, _LONGEST_PAUSE_SECONDS)
            await self._commit_all()
        except BatchError as error:
            self._is_enabled = False  # the stream may be a new one
            self._takes_batches = not isinstance(error, NoBatchesError)
            self._service.log.info("batch not stored", queue=self._subject, reason=str(error))
        finally:
            self._task = None
            for call in self._waiting:
                call.settle(None)
            self._waiting.clear()

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while len(calls := self._next_batch()) >= _SMALLEST:
            began = loop.time()
            if not self._is_enabled:
                await self._batches.enable(self._subject)
                self._is_enabled = True
            first = await self._batches.commit(self._subject, calls)
            for seq, call in enumerate(calls, first):
                call.settle(PublishAck(seq, duplicate=False))
            # Clients that now get their 202s may call again: wait for them.
            expected = len(self._waiting)
            del self._waiting[: len(calls)]
            pause = min((loop.time() - began) * _PAUSE_SHARE, _LONGEST_PAUSE_SECONDS)
            await self._until(partial(self._has_gathered, expected), pause)

    def _next_batch(self) -> list[_WaitingCall]:
        """Return the first of the waiting calls that make a batch."""
        size = 0
        for count, call in enumerate(self._waiting[:_LARGEST]):
            size += call.size
            if size > _LARGEST_BYTES:
                return self._waiting[:count]
        return self._waiting[:_LARGEST]

    def _has_gathered(self, count: int) -> bool:
        return len(self._waiting) >= count

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, or a time has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self.changed.clear()
                    await self.changed.wait()
