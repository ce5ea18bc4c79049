"""Cancelled calls: dropped when delivered, interrupted when running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError

from labkit_services.contract.errors import error_text
from labkit_services.contract.names import CANCELLED_BUCKET
from labkit_services.contract.numbers import parse_digits
from labkit_services.contract.queued_call import QueuedCall
from labkit_services.contract.queues import job_token
from labkit_services.jetstream.connection import Client, NatsError
from labkit_services.jetstream.retention import CANCELLED_SECONDS
from labkit_services.jetstream.streams import bucket_keys
from labkit_services.runtime.log import Log

_SUBJECT = f"$KV.{CANCELLED_BUCKET}."


class CallCancelledError(Exception):
    """The call was cancelled while it ran."""


class Cancellations:
    """Knows which calls are cancelled.

    The gateway writes their tokens into a bucket. A change of a bucket is a
    message, so a plain subscription receives it, at no cost for calls that are
    not cancelled. The bucket itself is read only at the start and after a lost
    connection.
    """

    def __init__(self, nats: Client, log: Log) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._log = log
        self._cancelled_ns: dict[str, int] = {}
        """When each was cancelled, by token, in the order of arrival."""
        self._running: dict[asyncio.Task[Any], QueuedCall] = {}

    async def start(self) -> None:
        """Subscribe, and read earlier cancellations; the bucket must exist."""
        await self._nats.subscribe(_SUBJECT + "*", cb=self._on_change)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the bucket."""
        try:
            bucket = await self._js.key_value(CANCELLED_BUCKET)
            for token in await bucket_keys(self._js, CANCELLED_BUCKET):
                with suppress(KeyNotFoundError):  # expired at this moment
                    self._add(token, (await bucket.get(token)).value)
        except (NatsError, OSError, TimeoutError) as error:
            self._log.warning("could not read which calls were cancelled", error=error_text(error))

    def __contains__(self, call: QueuedCall) -> bool:
        # A client may reuse the id for a later call, which is not cancelled.
        cancelled = self._cancelled_ns
        return bool(cancelled) and cancelled.get(_token(call), 0) >= call.accepted_ns

    @contextmanager
    def cancellable(self, call: QueuedCall) -> Iterator[None]:
        """Run a block; raise CallCancelledError if the call is cancelled."""
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = call
        try:
            yield
        except asyncio.CancelledError:
            if call not in self:
                raise  # the worker is stopping
            task.uncancel()
            raise CallCancelledError(call.call_id) from None
        finally:
            del self._running[task]

    async def _on_change(self, message: Msg) -> None:
        if not (message.headers or {}).get("KV-Operation"):  # a put, not a delete
            self._add(message.subject.removeprefix(_SUBJECT), message.data)

    def _add(self, token: str, value: bytes | None) -> None:
        """Add a cancelled call; ``value`` is the time in Unix nanoseconds."""
        now_ns = time.time_ns()
        cancelled_ns = parse_digits((value or b"").decode("latin-1"))
        # Drop those that the bucket has dropped.
        oldest_ns = now_ns - CANCELLED_SECONDS * 1e9
        while self._cancelled_ns and next(iter(self._cancelled_ns.values())) < oldest_ns:
            del self._cancelled_ns[next(iter(self._cancelled_ns))]
        self._cancelled_ns.pop(token, None)
        self._cancelled_ns[token] = now_ns if cancelled_ns is None else cancelled_ns
        for task, call in self._running.items():
            if _token(call) == token and call in self:
                task.cancel()


def _token(call: QueuedCall) -> str:
    return job_token(call.call_id, call.function)
