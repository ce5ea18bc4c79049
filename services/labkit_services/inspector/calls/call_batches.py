"""Several calls of one function, sent in the background."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.headers import CALL_ID
from labkit_services.contract.numbers import whole_number
from labkit_services.inspector.calls.call_sender import CallOrder, CallSender
from labkit_services.inspector.errors import NotFoundError, TooManyError, UnavailableError
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

MOST_CALLS = 1000
MOST_AT_ONCE = 50
_MOST_ACTIVE = 8
_MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """Calls to be sent.

    Attributes:
        count: How many.
        at_once: How many wait for their response at a time. With 1, a
            synchronous call is sent when the one before is answered.
        next_call: Returns the next call, with an id of its own.
    """

    count: int
    at_once: int
    next_call: Callable[[], CallOrder]

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> BatchOrder:
        """Read a call's fields, ``count`` and ``at_once``."""
        count = whole_number("count", document.get("count"), MOST_CALLS)
        at_once = whole_number("at_once", document.get("at_once", 1), MOST_AT_ONCE)
        call = {name: value for name, value in document.items() if name not in ("count", "at_once")}

        def next_call() -> CallOrder:
            return CallOrder.parse(call)

        # Of what is parsed now only the check is needed; ids are not shared.
        if next_call().call_id == next_call().call_id:
            expected = "headers without it: every call gets an id of its own"
            raise InvalidValueError(f"a batch has no {CALL_ID}", expected=expected)
        return cls(count, at_once, next_call)


@dataclass(slots=True)
class CallBatch:
    """How far the calls of a batch are."""

    id: str
    function: str
    mode: str
    count: int
    sent: int = 0
    answered: int = 0
    failed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    began: float = field(default_factory=time.time)
    ended: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the progress; ``seconds`` is the time that it took."""
        until = self.ended or time.time()
        names = ("id", "function", "mode", "count", "sent", "answered", "failed", "error")
        return {
            **{name: getattr(self, name) for name in names},
            "statuses": dict(self.statuses),
            "seconds": round(until - self.began, 3),
            "done": self.ended is not None,
        }


class CallBatches:
    """Sends batches; keeps the progress of the newest."""

    def __init__(self, sender: CallSender, on_failure: OnFailure) -> None:
        self._sender = sender
        self._tasks = BackgroundTasks(on_failure)
        self._batches: dict[str, CallBatch] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def list(self) -> list[CallBatch]:
        """Return the batches, oldest first."""
        return list(self._batches.values())

    def find(self, batch_id: str) -> CallBatch:
        """Return a batch, or raise NotFoundError."""
        if (batch := self._batches.get(batch_id)) is not None:
            return batch
        raise NotFoundError(f"there is no batch {batch_id[:80]!a}", next_step="see all: GET /api/v1/batches")

    def start(self, order: BatchOrder) -> CallBatch:
        """Send the calls in the background; return the batch at once."""
        if len(self._running) >= _MOST_ACTIVE:
            raise TooManyError(
                "too many batches are being sent",
                expected=f"at most {_MOST_ACTIVE} at a time",
                next_step="wait for one, or stop it: DELETE /api/v1/batches/ID",
            )
        first = order.next_call()
        batch = CallBatch(uuid.uuid4().hex[:12], first.function, first.mode, order.count)
        self._batches[batch.id] = batch
        for old in [each for each in self._batches if each not in self._running][: -_MOST_KEPT or None]:
            del self._batches[old]
        task = self._tasks.start(self._send(batch, order), name=f"send batch {batch.id}")
        self._running[batch.id] = task
        task.add_done_callback(lambda _: self._running.pop(batch.id, None))
        return batch

    def stop_batch(self, batch_id: str) -> CallBatch:
        """Send no more calls of a batch, and wait for no response."""
        batch = self.find(batch_id)
        if (task := self._running.get(batch_id)) is not None:
            task.cancel()
        return batch

    async def stop(self) -> None:
        """Stop all batches."""
        await self._tasks.cancel()

    async def _send(self, batch: CallBatch, order: BatchOrder) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(min(order.at_once, order.count)):
                    group.create_task(self._send_in_turn(batch, order), name=f"{batch.id}: client {number}")
        except asyncio.CancelledError:
            batch.error = f"stopped after {batch.sent} of {batch.count} calls"
            raise
        finally:
            batch.ended = time.time()

    async def _send_in_turn(self, batch: CallBatch, order: BatchOrder) -> None:
        while batch.sent < batch.count:
            batch.sent += 1
            try:
                answer = await self._sender.send(order.next_call())
            except UnavailableError as error:
                batch.failed += 1
                batch.error = str(error).replace("\n", "; ")
            else:
                batch.answered += 1
                status = str(answer["status"])
                batch.statuses[status] = batch.statuses.get(status, 0) + 1
