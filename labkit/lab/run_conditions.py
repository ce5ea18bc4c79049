"""What a measured run finds in the lab, looked at before and after it.

Outside of the time that is measured. Nothing here fails a run: while
nats-server is stopped, runs are measured all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from labkit.clients.gateway import GatewayClient
from labkit.views.queue_status import QueueStatus
from labkit.views.run_notes import Note, fault_notes, faults_during, notes_at_end, notes_at_start
from labkit_services.call_record.fault_spans import FaultSpan, fault_spans
from labkit_services.call_record.log import Mode
from labkit_services.contract.errors import LabError
from labkit_services.contract.events import Event
from labkit_services.contract.names import DEFAULT_QUEUE, QUEUE_ANNOTATION

_LOOK_SECONDS = 0.8
"""Longer than a gateway waits for queue-workers that do not answer."""
_START_SECONDS = 2.0
"""How long a function's first replica may take to start."""
_EMPTY_SECONDS = 3.0
"""How long cancelled calls may take to leave their queue."""
_POLL_SECONDS = 0.05


@dataclass
class RunConditions:
    """The conditions of one run.

    Attributes:
        notes: What the learner should know of them.
        faults: Injected faults that were active during the run.
    """

    gateway: GatewayClient
    function: str
    mode: Mode
    notes: list[Note] = field(default_factory=list)
    faults: tuple[FaultSpan, ...] = ()
    _queue: QueueStatus | None = None
    _is_new: bool = False
    _missing: str = ""
    _is_starting: bool = False

    async def look(self, *, purge: bool) -> None:
        """Look before the run; with ``purge``, cancel what is in the queue.

        Raises:
            GatewayError: The calls could not be cancelled.
        """
        name, ready = await self._find_started_function()
        cancelled = await self._cancel_calls(name) if purge else 0
        self._queue = await self._load_queue(name)
        self.notes += notes_at_start(
            self.mode,
            self._queue,
            ready,
            cancelled=cancelled,
            is_new=self._is_new,
            missing=self._missing,
        )

    async def look_again(self, submitted: int, events: Iterable[Event], times: tuple[int, int]) -> None:
        """Look after a run of ``submitted`` calls.

        Args:
            submitted: How many calls it put into the queue.
            events: The lab's own events.
            times: Unix nanoseconds of the run's beginning and end.
        """
        if self.mode == "async" and self._queue is not None:
            after = await self._load_queue(self._queue.name)
            self.notes += notes_at_end(self._queue, after, submitted)
        was_missing = self._missing
        await self._find_function()
        if self._missing and not was_missing:
            self.notes.append(Note.of("note.removed", name=self.function))
        self.faults = tuple(faults_during(fault_spans(events), *times))
        self.notes += fault_notes(self.faults, *times)

    async def _find_started_function(self) -> tuple[str, int | None]:
        """Return the same once a newly deployed function has started."""
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        name, ready = await self._find_function()
        while self._is_starting and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            name, ready = await self._find_function()
        return name, ready

    async def _find_function(self) -> tuple[str, int | None]:
        """Return the function's queue and the number of ready replicas."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                functions = await self.gateway.functions()
        except (LabError, TimeoutError):
            return DEFAULT_QUEUE, None
        for one in functions:
            if self.function in (one["name"], f"{one['name']}.{one['namespace']}"):
                queue = (one.get("annotations") or {}).get(QUEUE_ANNOTATION) or DEFAULT_QUEUE
                self._is_starting = one["availableReplicas"] == 0 < one.get("replicas", 0)
                return queue, one["availableReplicas"]
        self._missing = self.function
        return DEFAULT_QUEUE, None

    async def _load_queue(self, name: str) -> QueueStatus | None:
        """Return the queue's status; None if it is not known."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                response = await self.gateway.request("GET", f"/system/queues/{quote(name)}")
        except (LabError, TimeoutError):
            return None
        self._is_new = response.status_code == 404
        return QueueStatus.from_json(response.json()) if response.status_code == 200 else None

    async def _cancel_calls(self, name: str) -> int:
        """Cancel the queue's calls and wait until the workers let go."""
        count = await cancel_calls(self.gateway, name)
        deadline = asyncio.get_running_loop().time() + _EMPTY_SECONDS
        while count and asyncio.get_running_loop().time() < deadline:
            queue = await self._load_queue(name)
            if queue is None or not queue.pending + queue.in_flight + queue.waiting_for_retry:
                break
            await asyncio.sleep(_POLL_SECONDS)
        return count


async def cancel_calls(gateway: GatewayClient, queue: str) -> int:
    """Cancel all calls that are in a queue; return how many.

    Raises:
        GatewayError: There is no such queue, or nats-server is unavailable.
    """
    path = f"/system/queues/{quote(queue)}/calls"
    document = await gateway.json("DELETE", path, f"could not cancel the calls of queue {queue}")
    return int(document["cancelled"])
