"""Calls that were taken back: dropped when they come, broken off when they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError

from labkit_services.contract.errors import said
from labkit_services.contract.names import CANCELLED_BUCKET
from labkit_services.contract.numbers import parse_digits
from labkit_services.contract.queued import QueuedCall
from labkit_services.contract.queues import call_token
from labkit_services.jetstream.streams import CANCELLED_SECONDS, bucket_keys
from labkit_services.runtime.log import Log

_SUBJECT = f"$KV.{CANCELLED_BUCKET}."


class CallCancelledError(Exception):
    """The call was taken back while it ran."""


class Cancelled:
    """Knows which calls were taken back.

    The gateway puts their ids into a bucket. A bucket's change is a message
    like any other, so a plain subscription hears it, at no cost for those calls
    that nobody takes back; only after a gap the bucket itself has to be read.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._at_ns: dict[str, int] = {}
        """When each was taken back, by token, in the order in which it was heard."""
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def start(self, nats: Client) -> None:
        """Listen, and learn what was cancelled before; the bucket must exist."""
        self._js = nats.jetstream()
        await nats.subscribe(_SUBJECT + "*", cb=self._on_change)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the bucket: after a start, and after the connection was lost."""
        try:
            bucket = await self._js.key_value(CANCELLED_BUCKET)
            for token in await bucket_keys(self._js, CANCELLED_BUCKET):
                with suppress(KeyNotFoundError):  # forgotten at this moment
                    self._add(token, (await bucket.get(token)).value)
        except (NatsError, OSError, TimeoutError) as error:
            self._log.warning("could not read which calls were cancelled", error=said(error))

    def __contains__(self, call: QueuedCall) -> bool:
        # A client may make another call of the same id later: that one was not taken back.
        return bool(self._at_ns) and self._at_ns.get(call_token(call.call_id), 0) >= call.accepted_ns

    def __len__(self) -> int:
        return len(self._at_ns)

    @contextmanager
    def cancellable(self, call: QueuedCall) -> Iterator[None]:
        """Run what is inside until it ends or the call is taken back.

        Raises:
            CallCancelledError: It was.
        """
        token = call_token(call.call_id)
        task = asyncio.current_task()
        assert task is not None
        self._running[token] = task
        try:
            yield
        except asyncio.CancelledError:
            if call not in self:
                raise  # the worker is stopping
            task.uncancel()
            raise CallCancelledError(call.call_id) from None
        finally:
            self._running.pop(token, None)

    async def _on_change(self, message: Msg) -> None:
        if not (message.headers or {}).get("KV-Operation"):  # a put, not a delete
            self._add(message.subject.removeprefix(_SUBJECT), message.data)

    def _add(self, token: str, value: bytes | None) -> None:
        """Note a cancelled call; ``value`` is when that was, in Unix nanoseconds."""
        now_ns = time.time_ns()
        at_ns = parse_digits((value or b"").decode("latin-1")) or now_ns
        # The bucket forgets by itself.
        while self._at_ns and next(iter(self._at_ns.values())) < now_ns - CANCELLED_SECONDS * 1e9:
            del self._at_ns[next(iter(self._at_ns))]
        self._at_ns.pop(token, None)
        self._at_ns[token] = at_ns
        if task := self._running.get(token):
            task.cancel()
