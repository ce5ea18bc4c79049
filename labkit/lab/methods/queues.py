"""Queues, and how many calls their workers run at once."""

from __future__ import annotations

from labkit.clients.lab_watch import guarded
from labkit.lab.background_loop import blocking
from labkit.lab.methods.parts import LabParts
from labkit.lab.notes import announced
from labkit.lab.queue import AsyncQueue, Queue, QueueList
from labkit_services.contract.names import DEFAULT_QUEUE


class AsyncLabQueues(LabParts):
    """``LabQueues``, as coroutines."""

    def queue(self, name: str = DEFAULT_QUEUE) -> AsyncQueue:
        """Return a queue by its name."""
        return AsyncQueue(name, self.connections, self.supervisor)

    @guarded
    async def queues(self) -> list[AsyncQueue]:
        """Return all queues, ordered by name."""
        return [self.queue(status.name) for status in await self.connections.gateway.queues()]

    async def set_max_inflight(self, count: int) -> int:
        """Change how many calls a queue-worker runs at once; return it.

        This is the default queue's; others have their own:
        ``lab.queue(name).max_inflight``.
        """
        return await self.queue().set_max_inflight(count)


class LabQueues:
    """Queues, and how many calls their workers run at once."""

    _async: AsyncLabQueues

    queue = blocking(AsyncLabQueues.queue, Queue)
    queues = blocking(AsyncLabQueues.queues, lambda queues: QueueList(map(Queue, queues)))
    set_max_inflight = blocking(AsyncLabQueues.set_max_inflight, announced)
