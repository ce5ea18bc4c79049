"""Ask JetStream which streams it no longer stores to, and why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from labkit.supervisor.store.nats_connection import NatsConnection
from labkit_services.contract.compact_json import encode
from labkit_services.contract.write_probe import probe_request, write_error


async def streams(nats: NatsConnection) -> AsyncIterator[dict[str, Any]]:
    """Yield every stream, as JetStream's ``STREAM.LIST`` describes it."""
    count = 0
    while True:
        page = await nats.request("$JS.API.STREAM.LIST", encode({"offset": count}).encode())
        found = (json.loads(page).get("streams") if page else None) or []
        for stream in found:
            yield stream
        count += len(found)
        if not found:
            return


async def write_errors(nats: NatsConnection) -> dict[str, str]:
    """Return each failing stream's error; none if all can be written."""
    if error := write_error(await nats.request("$JS.API.INFO")):
        return {"JetStream": error}
    errors = {}
    async for stream in streams(nats):
        name = stream["config"]["name"]
        if error := write_error(await nats.request(*probe_request(name, stream["config"]))):
            errors[name] = error
    return errors
