"""Calls that were taken back: dropped when they come, broken off when they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from services.contract.errors import said
from services.contract.names import CANCELLED_BUCKET
from services.contract.queues import call_token
from services.log import Log
from services.streams import CANCELLED_SECONDS, bucket_keys

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
        self._until: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def start(self, nats: Client) -> None:
        """Listen, and learn what was cancelled before; the bucket must exist."""
        self._js = nats.jetstream()
        await nats.subscribe(_SUBJECT + "*", cb=self._on_change)
        await self.refresh()

    async def refresh(self) -> None:
        """Read the bucket: after a start, and after the connection was lost."""
        try:
            for token in await bucket_keys(self._js, CANCELLED_BUCKET):
                self._add(token)
        except (NatsError, OSError, TimeoutError) as error:
            self._log.warning("could not read which calls were cancelled", error=said(error))

    def __contains__(self, call_id: str) -> bool:
        return bool(self._until) and call_token(call_id) in self._until

    def __len__(self) -> int:
        return len(self._until)

    @contextmanager
    def cancellable(self, call_id: str) -> Iterator[None]:
        """Run what is inside until it ends or the call is taken back.

        Raises:
            CallCancelledError: It was.
        """
        token = call_token(call_id)
        task = asyncio.current_task()
        assert task is not None
        self._running[token] = task
        try:
            yield
        except asyncio.CancelledError:
            if token not in self._until:
                raise  # the worker is stopping
            task.uncancel()
            raise CallCancelledError(call_id) from None
        finally:
            self._running.pop(token, None)

    async def _on_change(self, message: Msg) -> None:
        if not (message.headers or {}).get("KV-Operation"):  # a put, not a delete
            self._add(message.subject.removeprefix(_SUBJECT))

    def _add(self, token: str) -> None:
        now = time.monotonic()
        # The bucket forgets by itself; in order of time, so the first is the oldest.
        while self._until and next(iter(self._until.values())) < now:
            del self._until[next(iter(self._until))]
        self._until.pop(token, None)
        self._until[token] = now + CANCELLED_SECONDS
        if task := self._running.get(token):
            task.cancel()
