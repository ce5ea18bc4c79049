"""Streams, consumers and buckets in JetStream, created unless they exist.

A queue has the settings of OpenFaaS's JetStream edition: work-queue retention,
file storage, explicit acknowledgement, no limit on deliveries (the worker
counts attempts), ``ack_wait`` as a renewed lease. All else is limited by
``retention.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from labkit_services.contract import names, queues
from labkit_services.contract.errors import NatsAccessError
from labkit_services.jetstream import retention
from labkit_services.jetstream.access import api_error
from labkit_services.jetstream.stream_settings import LAB_MARK, StreamSettings

T = TypeVar("T")

_STREAM_NAME_IN_USE = 10058
_ATTEMPTS = 4
"""At a request to JetStream, of five seconds each: a cluster that has just
lost a node elects new leaders first."""
_PASSING = {10004, 10005, 10008}
"""JetStream's errors (nats-server's errors.json) that a cluster gives while a
node comes back: not active, no peer for a replica, not available."""
_PAUSE_SECONDS = 1.5
_LIST_ATTEMPTS = 20
_LIST_PAUSE_SECONDS = 0.5

_ALONE = StreamSettings()


async def ensure_queue(
    js: JetStreamContext, queue: str, *, ack_wait: float, settings: StreamSettings = _ALONE
) -> None:
    """Create a queue: its stream, the workers' consumer, its dead letters."""
    dead_letters = _ensure_stream(
        js,
        queues.dead_stream(queue),
        queues.dead_subject(queue, None),
        retention.DEAD_LETTERS,
        settings,
        # A full stream refuses; then the call stays in its queue. So no dead
        # letter is lost.
        discard=api.DiscardPolicy.NEW,
        duplicate_window=retention.DUPLICATE_WINDOW_SECONDS,
    )
    consumer = _consumer(names.WORKER_CONSUMER, ack_wait)
    stream = queues.queue_stream(queue)
    await asyncio.gather(_ensure_work_queue(js, stream, queue, consumer, settings), dead_letters)


async def ensure_callbacks(
    js: JetStreamContext, *, ack_wait: float, settings: StreamSettings = _ALONE
) -> None:
    """Create the queue of callbacks to be retried."""
    consumer = _consumer(names.CALLBACK_CONSUMER, ack_wait)
    await _ensure_work_queue(js, names.CALLBACK_STREAM, names.CALLBACK_SUBJECT, consumer, settings)


async def ensure_results(js: JetStreamContext, settings: StreamSettings = _ALONE) -> None:
    """Create the stream of results, one per call."""
    subject = f"{names.RESULT_SUBJECT}.*"
    per_call = {"max_msgs_per_subject": 1, "allow_direct": True}
    await _ensure_stream(js, names.RESULT_STREAM, subject, retention.RESULTS, settings, **per_call)


async def ensure_cancelled(js: JetStreamContext, settings: StreamSettings = _ALONE) -> KeyValue:
    """Create the bucket of cancelled calls."""
    return await ensure_bucket(
        js, names.CANCELLED_BUCKET, settings, history=1, ttl=retention.CANCELLED_SECONDS
    )


async def ensure_events(js: JetStreamContext, settings: StreamSettings = _ALONE) -> None:
    """Create the stream of events."""
    subject = f"{names.EVENT_SUBJECT}.>"
    await _ensure_stream(js, names.EVENT_STREAM, subject, retention.EVENTS, settings)


async def ensure_bucket(
    js: JetStreamContext, bucket: str, settings: StreamSettings, *, history: int, ttl: float | None = None
) -> KeyValue:
    """Create a key-value bucket unless it exists.

    nats-py's own ``create_key_value`` can't mark its stream, and refuses one
    that has other settings.
    """
    config = api.StreamConfig(
        name=f"KV_{bucket}",
        subjects=[f"$KV.{bucket}.>"],
        storage=api.StorageType.FILE,
        allow_rollup_hdrs=True,
        deny_delete=True,
        discard=api.DiscardPolicy.NEW,
        max_age=ttl,
        max_msgs_per_subject=history,
        duplicate_window=min(ttl or retention.DUPLICATE_WINDOW_SECONDS, retention.DUPLICATE_WINDOW_SECONDS),
        num_replicas=settings.replicas,
        metadata=settings.metadata,
    )
    await _add_stream(js, config)
    return await _patient(partial(js.key_value, bucket), f"find the bucket {bucket}")


async def bucket_keys(js: JetStreamContext, bucket: str) -> list[str]:
    """Return the keys of a bucket, deleted ones included.

    nats-py's ``keys()`` reads by a consumer, and on a busy machine takes one
    that has just delivered everything for one that has nothing to deliver.
    Then a full bucket looks empty.
    """
    prefix = f"$KV.{bucket}."
    info = await js.stream_info(f"KV_{bucket}", subjects_filter=prefix + ">")
    return [subject.removeprefix(prefix) for subject in info.state.subjects or {}]


async def all_streams(js: JetStreamContext) -> dict[str, api.StreamInfo]:
    """Return all streams of the account by name, buckets included.

    A cluster leaves out a stream that is just electing its leader, but counts
    it. So the list is read again until it is complete.

    Raises:
        NatsAccessError: It was not complete in several seconds.
    """
    found: dict[str, api.StreamInfo] = {}
    for _ in range(_LIST_ATTEMPTS):
        expected = (await js.account_info()).streams
        found, count = {}, 0
        while infos := await js.streams_info(offset=count):
            count += len(infos)
            found |= {info.config.name or "": info for info in infos}
        if len(found) >= expected:
            return found
        await asyncio.sleep(_LIST_PAUSE_SECONDS)
    raise NatsAccessError(
        "The cluster does not list all streams.",
        expected=f"{expected} streams",
        seen=", ".join(sorted(found)) or "none",
        next_step="see that most nodes of NATS run, and reach each other; then try again",
    )


async def queue_names(js: JetStreamContext, lab: str = "") -> list[str]:
    """Return the names of all queues that have a stream.

    With a lab's id only of those that are marked as its own.
    """
    found = [name for name, info in (await all_streams(js)).items() if _is_of(info, lab)]
    prefix = queues.STREAM_PREFIX
    streams = [name for name in found if name.startswith(prefix) and not name.endswith(queues.DEAD_SUFFIX)]
    return sorted(name.removeprefix(prefix) for name in streams)


def _is_of(info: api.StreamInfo, lab: str) -> bool:
    return not lab or (info.config.metadata or {}).get(LAB_MARK) == lab


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
    js: JetStreamContext, stream: str, subject: str, consumer: api.ConsumerConfig, settings: StreamSettings
) -> None:
    await _ensure_stream(
        js,
        stream,
        subject,
        retention.QUEUED_CALLS,
        settings,
        retention=api.RetentionPolicy.WORK_QUEUE,
        discard=api.DiscardPolicy.NEW,
        duplicate_window=retention.DUPLICATE_WINDOW_SECONDS,
    )
    # Creates or updates: a worker with another ack_wait changes it.
    await _patient(partial(js.add_consumer, stream, consumer), f"create a consumer of {stream}")


async def _ensure_stream(
    js: JetStreamContext,
    name: str,
    subject: str,
    limits: retention.Retention,
    settings: StreamSettings,
    **more: Any,
) -> None:
    try:
        await _patient(partial(js.stream_info, name), f"describe the stream {name}")
        return
    except NotFoundError:
        config = api.StreamConfig(
            name=name,
            subjects=[subject],
            storage=api.StorageType.FILE,
            max_age=limits.seconds,
            max_msgs=limits.messages,
            max_bytes=limits.bytes,
            num_replicas=settings.replicas,
            metadata=settings.metadata,
            **more,
        )
    await _add_stream(js, config)


async def _add_stream(js: JetStreamContext, config: api.StreamConfig) -> None:
    try:
        await _patient(partial(js.add_stream, config), f"create the stream {config.name}")
    except APIError as error:
        # Gateway and workers start together: another one may have been first.
        if error.err_code != _STREAM_NAME_IN_USE:
            raise api_error(error, f"create the stream {config.name}") from error


async def _patient(request: Callable[[], Awaitable[T]], doing: str) -> T:
    """Return the answer; ask again if JetStream has none yet."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await request()
        except TimeoutError:
            continue
        except APIError as error:
            if error.err_code not in _PASSING or attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
    raise NatsAccessError(
        "JetStream does not answer.",
        expected=f"JetStream to {doing}",
        seen=f"{_ATTEMPTS} requests without an answer",
        next_step="see that most nodes of NATS run, and reach each other",
    )
