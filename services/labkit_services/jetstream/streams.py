"""Streams, consumers and buckets in JetStream, created unless they exist.

A queue has the settings of OpenFaaS's JetStream edition: work-queue retention,
file storage, explicit acknowledgement, no limit on deliveries (the worker
counts attempts), ``ack_wait`` as a renewed lease. All else is limited by
``retention.py``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract import names, queues
from labkit_services.jetstream import retention

_STREAM_NAME_IN_USE = 10058


async def ensure_queue(js: JetStreamContext, queue: str, *, ack_wait: float, replicas: int = 1) -> None:
    """Create a queue: its stream, the workers' consumer, its dead letters."""
    dead_letters = _ensure_stream(
        js,
        queues.dead_stream(queue),
        queues.dead_subject(queue, None),
        retention.DEAD_LETTERS,
        # A full stream refuses; then the call stays in its queue. So no dead
        # letter is lost.
        discard=api.DiscardPolicy.NEW,
        duplicate_window=retention.DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
    )
    consumer = _consumer(names.WORKER_CONSUMER, ack_wait)
    stream = queues.queue_stream(queue)
    await asyncio.gather(_ensure_work_queue(js, stream, queue, consumer, replicas), dead_letters)


async def ensure_callbacks(js: JetStreamContext, *, ack_wait: float, replicas: int = 1) -> None:
    """Create the queue of callbacks to be retried."""
    consumer = _consumer(names.CALLBACK_CONSUMER, ack_wait)
    await _ensure_work_queue(js, names.CALLBACK_STREAM, names.CALLBACK_SUBJECT, consumer, replicas)


async def ensure_results(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream of results, one per call."""
    subject = f"{names.RESULT_SUBJECT}.*"
    settings = {"max_msgs_per_subject": 1, "allow_direct": True, "num_replicas": replicas}
    await _ensure_stream(js, names.RESULT_STREAM, subject, retention.RESULTS, **settings)


async def ensure_cancelled(js: JetStreamContext, *, replicas: int = 1) -> KeyValue:
    """Create the bucket of cancelled calls."""
    return await js.create_key_value(
        bucket=names.CANCELLED_BUCKET, replicas=replicas, history=1, ttl=retention.CANCELLED_SECONDS
    )


async def ensure_events(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the stream of events."""
    subject = f"{names.EVENT_SUBJECT}.>"
    await _ensure_stream(js, names.EVENT_STREAM, subject, retention.EVENTS, num_replicas=replicas)


async def bucket_keys(js: JetStreamContext, bucket: str) -> list[str]:
    """Return the keys of a bucket, deleted ones included.

    nats-py's ``keys()`` reads by a consumer, and on a busy machine takes one
    that has just delivered everything for one that has nothing to deliver.
    Then a full bucket looks empty.
    """
    prefix = f"$KV.{bucket}."
    info = await js.stream_info(f"KV_{bucket}", subjects_filter=prefix + ">")
    return [subject.removeprefix(prefix) for subject in info.state.subjects or {}]


async def queue_names(js: JetStreamContext) -> list[str]:
    """Return the names of all queues that have a stream."""
    found: list[str] = []
    while infos := await js.streams_info(offset=len(found)):
        found += [info.config.name or "" for info in infos]
    prefix = queues.STREAM_PREFIX
    streams = [name for name in found if name.startswith(prefix) and not name.endswith(queues.DEAD_SUFFIX)]
    return sorted(name.removeprefix(prefix) for name in streams)


def _consumer(name: str, ack_wait: float) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=name,
        ack_policy=api.AckPolicy.EXPLICIT,
        deliver_policy=api.DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_deliver=-1,
        max_ack_pending=-1,
        max_waiting=512,
    )


async def _ensure_work_queue(
    js: JetStreamContext, stream: str, subject: str, consumer: api.ConsumerConfig, replicas: int
) -> None:
    await _ensure_stream(
        js,
        stream,
        subject,
        retention.QUEUED_CALLS,
        retention=api.RetentionPolicy.WORK_QUEUE,
        discard=api.DiscardPolicy.NEW,
        duplicate_window=retention.DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
    )
    # Creates or updates: a worker with another ack_wait changes it.
    await js.add_consumer(stream, consumer)


async def _ensure_stream(
    js: JetStreamContext, name: str, subject: str, limits: retention.Retention, **settings: Any
) -> None:
    try:
        await js.stream_info(name)
        return
    except NotFoundError:
        config = api.StreamConfig(
            name=name,
            subjects=[subject],
            storage=api.StorageType.FILE,
            max_age=limits.seconds,
            max_msgs=limits.messages,
            max_bytes=limits.bytes,
        )
    try:
        await js.add_stream(config, **settings)
    except APIError as error:
        # Gateway and workers start together: another one may have been first.
        if error.err_code != _STREAM_NAME_IN_USE:
            raise
