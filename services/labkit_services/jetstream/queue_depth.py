"""How full a queue is: JetStream's own account, asked for when somebody wants to know."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client

from labkit_services.contract.errors import LabError, said
from labkit_services.contract.names import WORKER_CONSUMER
from labkit_services.contract.queues import dead_stream, queue_stream
from labkit_services.contract.times import parse_rfc3339

_PATIENCE_SECONDS = 2.0


class DepthUnknownError(LabError):
    """JetStream did not say."""


class QueueMissingError(DepthUnknownError):
    """There is no such queue."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What JetStream says of a queue.

    Attributes:
        queue: Its name.
        pending: Calls that nobody has taken yet.
        outstanding: Calls taken and not acknowledged: running, or waiting to be tried again.
        redelivered: Of those, how many have been delivered more than once.
        oldest_seconds: Age of the oldest call that is not done, 0 if there is none.
        submitted: Calls that were ever put in.
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
    """Ask how full a queue is.

    Raises:
        QueueMissingError: There is no such queue.
        DepthUnknownError: nats-server does not answer.
    """
    stream = queue_stream(queue)
    # Not by nats-py's objects: they leave out the time of the first message.
    info, consumer, dead = await asyncio.gather(
        _ask(nats, f"STREAM.INFO.{stream}"),
        _ask(nats, f"CONSUMER.INFO.{stream}.{WORKER_CONSUMER}"),
        _ask(nats, f"STREAM.INFO.{dead_stream(queue)}"),
    )
    state = info["state"]
    # A call that was cancelled has gone from the stream; the consumer counts it until it would be due again.
    outstanding = min(consumer["num_ack_pending"], max(0, state["messages"] - consumer["num_pending"]))
    return QueueDepth(
        queue=queue,
        pending=consumer["num_pending"],
        outstanding=outstanding,
        redelivered=min(consumer["num_redelivered"], outstanding),
        oldest_seconds=max(0.0, (time.time_ns() - parse_rfc3339(state["first_ts"])) / 1e9)
        if state["messages"]
        else 0.0,
        submitted=state["last_seq"],
        dead=dead["state"]["messages"],
    )


async def _ask(nats: Client, what: str) -> dict[str, Any]:
    try:
        message = await nats.request(f"$JS.API.{what}", timeout=_PATIENCE_SECONDS)
    except Exception as error:  # nats-py has many names for no answer
        raise DepthUnknownError(
            expected=f"JetStream's answer to {what}",
            seen=said(error),
            next_step="look at the log of nats-server: labkit logs nats-server",
        ) from error
    answer: dict[str, Any] = json.loads(message.data)
    if "error" in answer:
        description = answer["error"].get("description", "")
        kind = QueueMissingError if answer["error"].get("code") == 404 else DepthUnknownError
        raise kind(expected=f"JetStream to know {what}", seen=description)
    return answer
