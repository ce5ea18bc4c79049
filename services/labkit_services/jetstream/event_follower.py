"""Follow the event log as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labkit_services.contract.events import Event, decode_batch
from labkit_services.contract.names import EVENT_STREAM
from labkit_services.contract.times import rfc3339
from labkit_services.runtime.background_tasks import BackgroundTasks
from labkit_services.runtime.garbage_collector import collector_paused

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

HISTORY_BYTES = 12 * 1024 * 1024
"""Limit for what is read of older events: about those of ten thousand calls,
at 1,200 bytes a call. More calls than that are not kept."""
_FETCH_BYTES = 1024 * 1024
_FETCH_MESSAGES = 100
"""Limits for what is fetched at once, and is in memory twice: as messages, and
as the events in them."""
_FETCH_SECONDS = 1.0
_RETRY_SECONDS = 0.2
_POLL_SECONDS = 0.002
_CONSUMER_SECONDS = 30.0
"""nats-server deletes the consumer after this time without a fetch."""


class EventFollower:
    """Reads the stream of events from one sequence number to the next.

    Unlike a subscription to the subject this misses nothing while the
    connection or nats-server is down.
    """

    def __init__(
        self,
        client: Client,
        on_events: Callable[[Sequence[Event]], None],
        on_reset: Callable[[], None],
        *,
        since_ns: int,
    ) -> None:
        """Follow the events from ``since_ns`` (Unix nanoseconds) on.

        ``client`` reconnects by itself; then call ``renew``. ``on_events`` is
        called with the events of a message, in the stream's order;
        ``on_reset`` when the stream has been replaced by another of the same
        name.
        """
        self._client = client
        self._on_events = on_events
        self._on_reset = on_reset
        self._since_ns = since_ns
        self._next_seq = 0
        self._fetch_messages = _FETCH_MESSAGES
        self._renew = asyncio.Event()
        self._tasks = BackgroundTasks()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow, or continue after a ``stop``."""
        if self._task is None:
            self._task = self._tasks.start(self._follow(), name="follow events")

    def renew(self) -> None:
        """Subscribe again: the server may have forgotten the subscription."""
        self._renew.set()

    async def read_to_end(self) -> None:
        """Wait until all that is in the stream now was read; set a deadline.

        It raises NATS's errors if nats-server does not answer.
        """
        last_seq = (await self._client.jetstream().stream_info(EVENT_STREAM)).state.last_seq
        # Polled, not notified by ``on_events``: old and unreadable messages
        # are skipped silently.
        while self._next_seq <= last_seq:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """Stop following."""
        task, self._task = self._task, None
        self._renew.set()
        while task is not None and not task.done():
            # nats-py swallows a cancellation at some points.
            task.cancel()
            await asyncio.wait({task}, timeout=0.2)

    async def _follow(self) -> None:
        # Imported late: nats-py costs a tenth of a second.
        from nats.errors import Error as NatsError

        # A stopped task may go on for a moment beside the next one.
        while self._task is asyncio.current_task():
            self._renew.clear()
            try:
                await self._read(await self._subscribe())
            except (NatsError, OSError, TimeoutError):
                # Server or stream are missing: waiting for events has its own
                # deadline.
                await asyncio.sleep(_RETRY_SECONDS)

    async def _read(self, subscription: JetStreamContext.PullSubscription) -> None:
        from nats.errors import TimeoutError as NatsTimeout

        delivered = 0
        while not self._renew.is_set():
            try:
                messages = await subscription.fetch(self._fetch_messages, _FETCH_SECONDS)
            except NatsTimeout:
                continue
            sizes = [len(message.data) for message in messages]
            self._fetch_messages = messages_to_fetch(len(sizes), sum(sizes))
            with collector_paused():
                for message in messages:
                    delivered += 1
                    if message.metadata.sequence.consumer != delivered:
                        # A message was lost: nats-py drops what a fetch has
                        # gathered when the server ends that fetch early. It is
                        # still in the stream: subscribe from there.
                        self._renew.set()
                        break
                    self._pass_on(message)
        await subscription.unsubscribe()

    def _pass_on(self, message: Msg) -> None:
        self._next_seq = message.metadata.sequence.stream + 1
        try:
            events = decode_batch(message.data)
        except ValueError:
            return  # from another version; no decision depends on the event log
        if events and events[0].time_ns < self._since_ns:
            events = [event for event in events if event.time_ns >= self._since_ns]
        self._on_events(events)

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        js = self._client.jetstream()
        info = await js.stream_info(EVENT_STREAM)
        if self._next_seq > info.state.last_seq + 1:
            # The lab was reset: the new stream counts from 1.
            self._next_seq = 1
            self._on_reset()
        state = info.state
        self._fetch_messages = messages_to_fetch(state.messages, state.bytes)
        skipped = state.first_seq + messages_to_skip(state.messages, state.bytes)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=_CONSUMER_SECONDS, num_replicas=1
        )
        if self._next_seq or skipped > state.first_seq:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = max(self._next_seq, skipped)
        else:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = rfc3339(self._since_ns, timespec="seconds")  # type: ignore[assignment]
        subscription = await js.pull_subscribe("", stream=EVENT_STREAM, config=config)
        consumer = await subscription.consumer_info()
        if consumer.delivered is not None:  # nothing before the start will be delivered
            self._next_seq = max(self._next_seq, consumer.delivered.stream_seq + 1)
        return subscription


def messages_to_fetch(messages: int, size: int) -> int:
    """Return how many messages to fetch at once, by their mean size."""
    return max(1, min(_FETCH_MESSAGES, messages * _FETCH_BYTES // size)) if size else _FETCH_MESSAGES


def messages_to_skip(messages: int, size: int) -> int:
    """Return how many of the oldest messages exceed the history's limit."""
    return 0 if size <= HISTORY_BYTES else messages - messages * HISTORY_BYTES // size
