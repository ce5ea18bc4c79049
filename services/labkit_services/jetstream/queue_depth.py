"""The number of calls in a queue, as reported by JetStream."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from labkit_services.contract.errors import LabError, error_text
from labkit_services.contract.names import WORKER_CONSUMER
from labkit_services.contract.queues import dead_stream, queue_stream
from labkit_services.contract.times import parse_rfc3339
from labkit_services.jetstream.connection import Client

_TIMEOUT_SECONDS = 2.0


class DepthUnknownError(LabError):
    """JetStream did not report the state of the queue."""


class QueueMissingError(DepthUnknownError):
    """There is no such queue."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The state of a queue.

    Attributes:
        queue: Its name.
        pending: Calls not yet delivered to a worker.
        outstanding: Calls delivered and not acknowledged: running, or waiting
            for a retry.
        redelivered: Of those, the calls delivered more than once.
        oldest_seconds: Age of the oldest unfinished call, 0 if there is none.
        submitted: Calls ever queued.
        dead: Dead letters.
    """

    queue: str
    pending: int
    outstanding: int
    redelivered: int
    oldest_seconds: float
    submitted: int
    dead: int


async def depth_of(nats: Client, queue: str) -> QueueDepth:
    """Request the state of a queue, or raise ``DepthUnknownError``."""
    stream = queue_stream(queue)
    # nats-py's own objects lack the time of the first message.
    info, consumer, dead = await asyncio.gather(
        _request(nats, f"STREAM.INFO.{stream}"),
        _request(nats, f"CONSUMER.INFO.{stream}.{WORKER_CONSUMER}"),
        _request(nats, f"STREAM.INFO.{dead_stream(queue)}"),
    )
    state = info["state"]
    # A cancelled call is deleted from the stream; the consumer counts it until
    # its next delivery is due.
    outstanding = min(consumer["num_ack_pending"], max(0, state["messages"] - consumer["num_pending"]))
    age_ns = time.time_ns() - parse_rfc3339(state["first_ts"]) if state["messages"] else 0
    return QueueDepth(
        queue=queue,
        pending=consumer["num_pending"],
        outstanding=outstanding,
        redelivered=min(consumer["num_redelivered"], outstanding),
        oldest_seconds=max(0.0, age_ns / 1e9),
        submitted=state["last_seq"],
        dead=dead["state"]["messages"],
    )


async def _request(nats: Client, what: str) -> dict[str, Any]:
    try:
        message = await nats.request(f"$JS.API.{what}", timeout=_TIMEOUT_SECONDS)
    except Exception as error:  # nats-py has many exceptions for no response
        raise DepthUnknownError(
            expected=f"JetStream's answer to {what}",
            seen=error_text(error),
            next_step="look at the log of nats-server: labkit logs nats-server",
        ) from error
    document: dict[str, Any] = json.loads(message.data)
    if "error" in document:
        description = document["error"].get("description", "")
        kind = QueueMissingError if document["error"].get("code") == 404 else DepthUnknownError
        raise kind(expected=f"JetStream to know {what}", seen=description)
    return document
