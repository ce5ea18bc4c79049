"""The lab's streams, consumers and buckets in JetStream, created unless they exist.

A queue has the settings of OpenFaaS's JetStream edition: work-queue retention, file
storage, explicit acknowledgement, no limit on deliveries (the worker counts attempts),
``ack_wait`` as a renewed lease. All else is limited by ``retention.py``.
"""

from __future__ import annotations

import asyncio
from typing import Any

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
from labkit_services.jetstream.retention import (
    CANCELLED_SECONDS,
    DEAD_LETTERS,
    DUPLICATE_WINDOW_SECONDS,
    EVENTS,
    QUEUED_CALLS,
    RESULTS,
    Retention,
)

_STREAM_NAME_IN_USE = 10058


async def ensure_queue(js: JetStreamContext, queue: str, *, ack_wait: float, replicas: int = 1) -> None:
    """Create a queue: its stream, the workers' consumer, its dead letters."""
    dead_letters = _stream_config(
        dead_stream(queue),
        dead_subject(queue, None),
        DEAD_LETTERS,
        # A full stream refuses; then the call stays in its queue. So no dead letter is lost.
        discard=DiscardPolicy.NEW,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
    )
    await asyncio.gather(
        _ensure_work_queue(js, (queue_stream(queue), queue), WORKER_CONSUMER, ack_wait, replicas),
        _ensure_stream(js, dead_letters),
    )


async def ensure_callbacks(js: JetStreamContext, *, ack_wait: float, replicas: int = 1) -> None:
    """Create the queue of callbacks to be retried."""
    await _ensure_work_queue(js, (CALLBACK_STREAM, CALLBACK_SUBJECT), CALLBACK_CONSUMER, ack_wait, replicas)


async def ensure_results(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream of results, one per call."""
    config = _stream_config(
        RESULT_STREAM,
        f"{RESULT_SUBJECT}.*",
        RESULTS,
        max_msgs_per_subject=1,
        allow_direct=True,
        num_replicas=replicas,
    )
    await _ensure_stream(js, config)


async def ensure_cancelled(js: JetStreamContext, *, replicas: int = 1) -> KeyValue:
    """Create the bucket of cancelled calls."""
    return await js.create_key_value(
        bucket=CANCELLED_BUCKET, replicas=replicas, history=1, ttl=CANCELLED_SECONDS
    )


async def ensure_events(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream of events."""
    config = _stream_config(EVENT_STREAM, f"{EVENT_SUBJECT}.>", EVENTS, num_replicas=replicas)
    await _ensure_stream(js, config)


async def bucket_keys(js: JetStreamContext, bucket: str) -> list[str]:
    """Return the keys of a bucket, deleted ones included.

    nats-py's ``keys()`` reads by a consumer, and on a busy machine takes one that has just delivered
    everything for one that has nothing to deliver. Then a full bucket looks empty.
    """
    prefix = f"$KV.{bucket}."
    info = await js.stream_info(f"KV_{bucket}", subjects_filter=prefix + ">")
    return [subject.removeprefix(prefix) for subject in info.state.subjects or {}]


async def queue_names(js: JetStreamContext) -> list[str]:
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
    js: JetStreamContext, stream: tuple[str, str], durable: str, ack_wait: float, replicas: int
) -> None:
    name, subject = stream
    config = _stream_config(
        name,
        subject,
        QUEUED_CALLS,
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
    )
    await _ensure_stream(js, config)
    consumer = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_deliver=-1,
        max_ack_pending=-1,
        max_waiting=512,
    )
    # Creates or updates: a worker with another ack_wait changes it.
    await js.add_consumer(name, consumer)


def _stream_config(name: str, subject: str, limits: Retention, **settings: Any) -> StreamConfig:
    """Return the settings of a stream in files that discards the oldest."""
    common = {
        "storage": StorageType.FILE,
        "discard": DiscardPolicy.OLD,
        "max_age": limits.seconds,
        "max_msgs": limits.messages,
        "max_bytes": limits.bytes,
    }
    return StreamConfig(name=name, subjects=[subject], **(common | settings))


async def _ensure_stream(js: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    try:
        await js.stream_info(config.name)
    except NotFoundError:
        try:
            await js.add_stream(config)
        except APIError as error:
            # Gateway and workers start together: another one may have been first.
            if error.err_code != _STREAM_NAME_IN_USE:
                raise
