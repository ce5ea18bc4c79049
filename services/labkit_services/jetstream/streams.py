"""JetStream objects of the lab: what each stream, consumer and bucket is like.

Settings of a queue are those of OpenFaaS's JetStream edition: work-queue retention, file
storage, explicit ack, no limit on deliveries (the worker counts attempts), ``ack_wait`` as a
renewed lease. What is not a queue is bounded, and says by what.
"""

from __future__ import annotations

import asyncio

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract.names import (
    CALLBACK_CONSUMER,
    CALLBACK_STREAM,
    CALLBACK_SUBJECT,
    CANCELLED_BUCKET,
    EVENT_STREAM,
    EVENT_SUBJECT,
    RESULT_STREAM,
    RESULT_SUBJECT,
    WORKER_CONSUMER,
)
from labkit_services.contract.queues import (
    DEAD_SUFFIX,
    STREAM_PREFIX,
    dead_stream,
    dead_subject,
    queue_stream,
)

DUPLICATE_WINDOW_SECONDS = 120.0
"""How long a call id is remembered; OpenFaaS Pro's value (its jetstream docs)."""

CANCELLED_SECONDS = 3600.0
"""How long it is remembered that a call was taken back; its message is deleted at once if it can be."""

_MIB = 1024 * 1024
_EVENT_BYTES = 256 * _MIB
_EVENT_SECONDS = 24 * 3600.0
_RESULT_COUNT = 10_000
_RESULT_BYTES = 256 * _MIB
_RESULT_SECONDS = 3600.0
_DEAD_COUNT = 100_000
_DEAD_BYTES = 1024 * _MIB
_STREAM_NAME_IN_USE = 10058


async def ensure_queue(js: JetStreamContext, queue: str, *, ack_wait: float, replicas: int = 1) -> None:
    """Create a queue unless it exists: its stream, the workers' consumer, its dead letters."""
    await asyncio.gather(
        _ensure_work_queue(js, queue_stream(queue), queue, WORKER_CONSUMER, ack_wait, replicas),
        _ensure_stream(
            js,
            StreamConfig(
                name=dead_stream(queue),
                subjects=[dead_subject(queue, None)],
                storage=StorageType.FILE,
                # A full stream refuses; then the call stays in its queue. Nothing is lost by being too many.
                discard=DiscardPolicy.NEW,
                max_msgs=_DEAD_COUNT,
                max_bytes=_DEAD_BYTES,
                duplicate_window=DUPLICATE_WINDOW_SECONDS,
                num_replicas=replicas,
            ),
        ),
    )


async def ensure_callbacks(js: JetStreamContext, *, ack_wait: float, replicas: int = 1) -> None:
    """Create the queue of callbacks that are to be tried again, unless it exists."""
    await _ensure_work_queue(js, CALLBACK_STREAM, CALLBACK_SUBJECT, CALLBACK_CONSUMER, ack_wait, replicas)


async def ensure_results(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream that keeps results for a while, one a call, unless it exists."""
    await _ensure_stream(
        js,
        StreamConfig(
            name=RESULT_STREAM,
            subjects=[f"{RESULT_SUBJECT}.*"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_msgs_per_subject=1,
            max_msgs=_RESULT_COUNT,
            max_bytes=_RESULT_BYTES,
            max_age=_RESULT_SECONDS,
            allow_direct=True,
            num_replicas=replicas,
        ),
    )


async def ensure_cancelled(js: JetStreamContext, *, replicas: int = 1) -> KeyValue:
    """Create the bucket of calls that were taken back, unless it exists."""
    return await js.create_key_value(
        bucket=CANCELLED_BUCKET, replicas=replicas, history=1, ttl=CANCELLED_SECONDS
    )


async def ensure_events(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream that keeps the record of what happened, bounded by age and size."""
    await _ensure_stream(
        js,
        StreamConfig(
            name=EVENT_STREAM,
            subjects=[f"{EVENT_SUBJECT}.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=_EVENT_SECONDS,
            max_bytes=_EVENT_BYTES,
            num_replicas=replicas,
        ),
    )


async def bucket_keys(js: JetStreamContext, bucket: str) -> list[str]:
    """Return the keys of a bucket, those that were deleted included.

    Not by nats-py's ``keys()``: that reads by a consumer, and on a busy machine takes one that has just
    delivered everything for one that has nothing to deliver. Then a full bucket looks empty.
    """
    prefix = f"$KV.{bucket}."
    info = await js.stream_info(f"KV_{bucket}", subjects_filter=prefix + ">")
    return [subject.removeprefix(prefix) for subject in info.state.subjects or {}]


async def queues(js: JetStreamContext) -> list[str]:
    """Return the names of all queues that have a stream."""
    found: list[str] = []
    while infos := await js.streams_info(offset=len(found)):
        found += [info.config.name or "" for info in infos]
    return sorted(
        name.removeprefix(STREAM_PREFIX)
        for name in found
        if name.startswith(STREAM_PREFIX) and not name.endswith(DEAD_SUFFIX)
    )


async def _ensure_work_queue(
    js: JetStreamContext, stream: str, subject: str, durable: str, ack_wait: float, replicas: int
) -> None:
    await _ensure_stream(
        js,
        StreamConfig(
            name=stream,
            subjects=[subject],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            duplicate_window=DUPLICATE_WINDOW_SECONDS,
            num_replicas=replicas,
        ),
    )
    consumer = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_deliver=-1,
        max_ack_pending=-1,
        max_waiting=512,
    )
    # Creating and updating are one call; a worker with another ack_wait changes it.
    await js.add_consumer(stream, consumer)


async def _ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    try:
        await js.stream_info(config.name)
    except NotFoundError:
        try:
            await js.add_stream(config)
        except APIError as error:
            # Gateway and worker start together: the other one was first.
            if error.err_code != _STREAM_NAME_IN_USE:
                raise
