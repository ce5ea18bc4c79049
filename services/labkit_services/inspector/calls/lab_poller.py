"""Watches queues and services while a page is open."""

from __future__ import annotations

import asyncio
from typing import Any

from labkit_services.call_record.lab_json import queue_to_json, services_to_json, without_memory
from labkit_services.contract.errors import LabError
from labkit_services.inspector.calls.call_feed import CallFeed
from labkit_services.inspector.calls.call_stream import CallStream
from labkit_services.inspector.calls.lab_access import LabAccess
from labkit_services.runtime.background_tasks import BackgroundTasks, OnFailure

_POLL_SECONDS = 1.0


class LabPoller:
    """Reads the state of queues and services, and sends what changes."""

    def __init__(self, lab: LabAccess, feed: CallFeed, stream: CallStream, on_failure: OnFailure) -> None:
        self._lab = lab
        self._feed = feed
        self._stream = stream
        self._tasks = BackgroundTasks(on_failure)

    def start(self) -> None:
        """Poll until no page is open any more."""
        if not len(self._tasks):
            self._tasks.start(self._poll(), name="watch queues and services")

    async def stop(self) -> None:
        """Stop polling."""
        await self._tasks.cancel()

    async def queues(self) -> list[dict[str, Any]]:
        """Return the state of every queue."""
        queues = [queue_to_json(queue) for queue in await self._lab.gateway("GET", "/system/queues")]
        for queue in queues:
            self._feed.index.max_inflight[queue["name"]] = queue["max_inflight"]
        return queues

    async def services(self) -> dict[str, Any]:
        """Return the state of the lab and of every service."""
        return services_to_json(await self._lab.command("status"))

    async def _poll(self) -> None:
        sent: dict[str, Any] = {}
        await asyncio.sleep(_POLL_SECONDS)  # the page reads both at its start
        while self._stream.is_read:
            for event, read in (("queues", self._read_queues), ("services", self.services)):
                try:
                    document = await read()
                except LabError as error:
                    document = {"error": error.headline}
                if sent.get(event) != (lasting := without_memory(document)):
                    sent[event] = lasting
                    self._stream.publish(event, document)
            await asyncio.sleep(_POLL_SECONDS)

    async def _read_queues(self) -> dict[str, Any]:
        return {"queues": await self.queues()}
