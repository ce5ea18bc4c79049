"""Requests to the queue-workers of a queue; each worker answers for itself."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from labkit_services.contract.queues import worker_control_subject

_TIMEOUT_SECONDS = 0.5
"""How long the workers have to answer."""

_NEWCOMER_SECONDS = 0.03
"""How long to wait for further workers once every known one has answered."""


@dataclass
class _Request:
    answers: list[dict[str, Any]] = field(default_factory=list)
    has_no_workers: bool = False
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    def workers(self) -> set[str]:
        """Return the names of those that have answered."""
        return {answer["worker"] for answer in self.answers if "worker" in answer}

    def errors(self) -> int:
        """Return how many answers are errors, which do not name their worker."""
        return sum("error" in answer for answer in self.answers)


class QueueWorkers:
    """Asks all workers of a queue.

    NATS does not tell how many subscribers a request reaches. So a request waits
    for every worker that has answered before; while none is known, for the whole
    timeout. An answer that comes too late still makes its worker known.
    """

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._inbox = nats.new_inbox()
        self._numbers = itertools.count()
        self._requests: dict[str, _Request] = {}
        self._known: dict[str, set[str]] = {}

    async def start(self) -> None:
        """Subscribe to the answers."""
        await self._nats.subscribe(f"{self._inbox}.*.*", cb=self._on_answer)

    async def ask(self, queue: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answer of each worker of a queue; none if it has no workers."""
        number = str(next(self._numbers))
        request = self._requests[number] = _Request()
        try:
            reply = f"{self._inbox}.{queue}.{number}"
            await self._nats.publish(worker_control_subject(queue), json.dumps(payload).encode(), reply)
            await self._wait(queue, request)
        finally:
            del self._requests[number]
        return request.answers

    async def _wait(self, queue: str, request: _Request) -> None:
        """Wait until all known workers have answered, or until the timeout."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _TIMEOUT_SECONDS
        while not request.has_no_workers:
            request.progress.clear()
            known = self._known.get(queue, set())
            missing = len(known - request.workers()) - request.errors()
            remaining = deadline - loop.time()
            is_complete = bool(known) and missing <= 0
            try:
                timeout = min(_NEWCOMER_SECONDS, remaining) if is_complete else remaining
                await asyncio.wait_for(request.progress.wait(), timeout)
            except TimeoutError:
                if is_complete:
                    return
                break
        # Those that did not answer may be gone; a late answer adds them again.
        self._known[queue] = request.workers()
        if not self._known[queue]:
            del self._known[queue]

    async def _on_answer(self, message: Msg) -> None:
        queue, number = message.subject.split(".")[-2:]
        request = self._requests.get(number, _Request())
        if message.data:
            answer = json.loads(message.data)
            request.answers.append(answer)
            if "worker" in answer:
                self._known.setdefault(queue, set()).add(answer["worker"])
        else:  # status 503: nobody has subscribed
            request.has_no_workers = True
        request.progress.set()
