"""What views are sent besides calls: queues, services, functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.clients.connections import Connections
from labkit.clients.supervisor import SupervisorClient
from labkit.workspace import LabState
from labkit_services.call_record.lab_json import (
    function_to_json,
    queue_to_json,
    services_to_json,
    without_memory,
)
from labkit_services.contract.errors import LabError

_POLL_SECONDS = 0.5

Content = dict[str, Any]


@dataclass(frozen=True)
class LabLink:
    """How the feed reaches its lab; ``logs`` is the folder of its logs."""

    state: LabState
    logs: Path
    connections: Connections
    supervisor: SupervisorClient


Source = Callable[[LabLink, str], AsyncIterator[Content]]
"""Yields a topic's contents as they change; the text is what follows the
topic's colon: ``callbacks`` of ``bin:callbacks``."""


async def _queues(link: LabLink) -> Content:
    documents = await link.connections.gateway.json("GET", "/system/queues", "the queues could not be listed")
    return {"queues": [queue_to_json(queue) for queue in documents]}


async def _services(link: LabLink) -> Content:
    return services_to_json(await link.supervisor.status())


async def _functions(link: LabLink) -> Content:
    url = link.state.gateway_url
    functions = await link.connections.gateway.functions()
    return {"functions": [function_to_json(function, url) for function in functions], "gateway_url": url}


def _polled(read: Callable[[LabLink], Awaitable[Content]]) -> Source:
    async def source(link: LabLink, _rest: str) -> AsyncIterator[Content]:
        lasting: Content | None = None
        while True:
            try:
                document = await read(link)
            except LabError as error:
                document = {"error": error.headline}
            if (now := without_memory(document)) != lasting:
                lasting = now
                yield document
            await asyncio.sleep(_POLL_SECONDS)

    return source


SOURCES: Mapping[str, Source] = {
    "queues": _polled(_queues),
    "services": _polled(_services),
    "functions": _polled(_functions),
}
"""Topics whose content is read again and again."""
