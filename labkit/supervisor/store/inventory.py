"""What the store held when nats-server stopped, to tell what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labkit.supervisor.store.nats_connection import NatsConnection
from labkit.supervisor.store.write_errors import streams
from labkit_services.contract.names import CALLBACK_STREAM
from labkit_services.contract.queues import DEAD_SUFFIX, STREAM_PREFIX
from labkit_services.runtime.private_files import write_private

_BUCKET_PREFIX = "KV_"
_CONTENTS = {"KV_functions": "deployed functions", CALLBACK_STREAM: "waiting callbacks"}


@dataclass(frozen=True)
class StreamContent:
    """What one stream holds.

    Attributes:
        kept: Number of messages that only their use removes: unfinished calls,
            dead letters, entries of a bucket; 0 if messages expire by age.
        last: Sequence number of the newest message; it never decreases.
        config: The stream's configuration, as nats-server has it.
        consumers: The configurations of the consumers, by name.
    """

    kept: int
    last: int
    config: Mapping[str, Any] = field(default_factory=dict)
    consumers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Inventory = Mapping[str, StreamContent]


async def take(nats: NatsConnection) -> Inventory:
    """Return the content of each stream that nats-server has loaded."""
    found = {}
    async for stream in streams(nats):
        name, state = stream["config"]["name"], stream["state"]
        answer = json.loads(await nats.request(f"$JS.API.CONSUMER.LIST.{name}", b"{}") or b"{}")
        consumers = [one for one in answer.get("consumers") or () if one["config"].get("durable_name")]
        kept = 0 if stream["config"].get("max_age") else state["messages"]
        if stream["config"]["retention"] == "workqueue" and consumers:
            # Acknowledged messages that come back with an older file count as
            # finished.
            kept = min(kept, sum(one["num_pending"] + one["num_ack_pending"] for one in consumers))
        configs = {one["name"]: one["config"] for one in consumers}
        found[name] = StreamContent(kept, state["last_seq"], stream["config"], configs)
    return found


def losses(before: Inventory, now: Inventory) -> list[str]:
    """Say what is missing of what the store held before."""
    found = []
    for name, content in before.items():
        present = now.get(name, StreamContent(0, 0))
        if present.kept < content.kept:
            found.append(f"{content.kept - present.kept} of {content.kept} {_content_of(name)} are lost")
        elif present.last < content.last:
            found.append(f"the newest {content.last - present.last} messages of stream {name} are lost")
    return found


def _content_of(stream: str) -> str:
    if stream in _CONTENTS:
        return f"{_CONTENTS[stream]} (stream {stream})"
    if stream.startswith(_BUCKET_PREFIX):
        return f"entries of bucket {stream.removeprefix(_BUCKET_PREFIX)} (stream {stream})"
    queue = stream.removeprefix(STREAM_PREFIX)
    if stream.endswith(DEAD_SUFFIX):
        return f"dead letters of queue {queue.removesuffix(DEAD_SUFFIX)} (stream {stream})"
    return f"calls in queue {queue} (stream {stream})"


def write(path: Path, inventory: Inventory) -> None:
    """Write an inventory to a file."""
    write_private(path, json.dumps({name: asdict(content) for name, content in inventory.items()}))


def read(path: Path) -> Inventory:
    """Read it again; an unreadable or a missing one is empty."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        return {name: _content(one) for name, one in document.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _content(one: Mapping[str, Any]) -> StreamContent:
    consumers = {name: dict(config) for name, config in one["consumers"].items()}
    return StreamContent(int(one["kept"]), int(one["last"]), dict(one["config"]), consumers)
