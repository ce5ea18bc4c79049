"""Requests to the queue-workers of a queue; each worker answers for itself."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from labkit_services.contract.names import WORKER_SUBJECT
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

    def missing(self, known: Iterable[str]) -> int:
        """Return how many of the known workers have not answered."""
        names = {answer.get("worker") for answer in self.answers}
        # An error does not name its worker.
        return len(set(known) - names) - sum("error" in answer for answer in self.answers)


class QueueWorkers:
    """Asks all workers of a queue.

    NATS does not tell how many subscribers a request reaches. So a request
    waits for every worker that has announced itself or answered before; while
    none is known, for the whole timeout. An answer that comes too late still
    makes its worker known.
    """

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._inbox = nats.new_inbox()
        self._numbers = itertools.count()
        self._requests: dict[str, _Request] = {}
        # By queue and worker: the time of its last answer.
        self._known: dict[str, dict[str, float]] = {}
        self._time = asyncio.get_running_loop().time

    async def start(self) -> None:
        """Subscribe to the answers, and to announcements of new workers."""
        await self._nats.subscribe(f"{self._inbox}.*.*", cb=self._on_answer)
        await self._nats.subscribe(WORKER_SUBJECT, cb=self._on_joined)

    async def ask(self, queue: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the answer of each worker of a queue."""
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
        begin, is_complete = self._time(), False
        while not request.has_no_workers:
            request.progress.clear()
            known = self._known.get(queue, {})
            is_complete = bool(known) and request.missing(known) <= 0
            remaining = begin + _TIMEOUT_SECONDS - self._time()
            try:
                timeout = min(_NEWCOMER_SECONDS, remaining) if is_complete else remaining
                await asyncio.wait_for(request.progress.wait(), timeout)
            except TimeoutError:
                break
        # A worker that has not answered any request meanwhile is taken to be
        # gone, until it does answer.
        if not is_complete:
            known = {worker: time for worker, time in self._known.pop(queue, {}).items() if time >= begin}
            if known:
                self._known[queue] = known

    async def _on_joined(self, message: Msg) -> None:
        joined = json.loads(message.data)
        self._known.setdefault(joined["queue"], {})[joined["worker"]] = self._time()

    async def _on_answer(self, message: Msg) -> None:
        queue, number = message.subject.split(".")[-2:]
        request = self._requests.get(number, _Request())
        if message.data:
            answer = json.loads(message.data)
            request.answers.append(answer)
            if "worker" in answer:
                self._known.setdefault(queue, {})[answer["worker"]] = self._time()
        else:  # status 503: nobody has subscribed
            request.has_no_workers = True
        request.progress.set()
