"""The record of what happens, followed from the stream of events as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labkit_services.contract.events import Event, decode_batch
from labkit_services.contract.names import EVENT_STREAM
from labkit_services.contract.times import rfc3339

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

_BATCH = 500
_FETCH_SECONDS = 1.0
_AWAY_SECONDS = 0.2
_LOOK_SECONDS = 0.002
_FORGOTTEN_SECONDS = 30.0
_HISTORY_BYTES = 16 * 1024 * 1024
"""Of a long past only so much is read: about what ten thousand calls leave."""


class EventFollower:
    """Reads the stream by the sequence number after the last one seen.

    Not the subject: so nothing is missed when the connection or nats-server
    itself goes away for a while.
    """

    def __init__(
        self,
        client: Client,
        on_events: Callable[[Sequence[Event]], None],
        on_reset: Callable[[], None],
        *,
        since_ns: int,
    ) -> None:
        """Follow from the moment ``since_ns`` on.

        Args:
            client: A connection that reconnects by itself; ``renew`` is to be called when it has.
            on_events: Is given the events of a batch of messages, in the stream's order.
            on_reset: Is called when the stream turns out to be another one of the same name.
            since_ns: Unix nanoseconds.
        """
        self._client = client
        self._on_events = on_events
        self._on_reset = on_reset
        self._since_ns = since_ns
        self._next_seq = 0
        self._renew = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow; after a ``stop``, from where it stopped."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow())

    def renew(self) -> None:
        """Subscribe anew: the server may have forgotten the subscription."""
        self._renew.set()

    async def read_to_end(self) -> None:
        """Return once all that is in the stream now has been read; to be called under a deadline.

        Raises:
            nats.errors.Error, OSError: nats-server does not answer.
        """
        last_seq = (await self._client.jetstream().stream_info(EVENT_STREAM)).state.last_seq
        # It may get there without an event: what is too old, or unreadable, is passed over.
        while self._next_seq <= last_seq:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Stop following."""
        task, self._task = self._task, None
        self._renew.set()
        while task is not None and not task.done():
            # nats-py swallows a cancellation that comes at a bad moment.
            task.cancel()
            await asyncio.wait({task}, timeout=0.2)

    async def _follow(self) -> None:
        # Not at import: nats-py costs a tenth of a second.
        from nats.errors import Error as NatsError

        # One that was stopped may live on for a moment, beside the next.
        while self._task is asyncio.current_task():
            self._renew.clear()
            try:
                await self._read(await self._subscribe())
            except (NatsError, OSError, TimeoutError):
                # Server or stream are away: they come back, or whoever waits
                # for events runs into a deadline that says so.
                await asyncio.sleep(_AWAY_SECONDS)

    async def _read(self, subscription: JetStreamContext.PullSubscription) -> None:
        from nats.errors import TimeoutError as NatsTimeout

        delivered = 0
        while not self._renew.is_set():
            try:
                messages = await subscription.fetch(_BATCH, _FETCH_SECONDS)
            except NatsTimeout:
                continue
            for message in messages:
                delivered += 1
                if message.metadata.sequence.consumer != delivered:
                    # One was sent and did not come: nats-py drops what a fetch has gathered when the
                    # server breaks that fetch off. It is still in the stream: subscribe anew, from there.
                    self._renew.set()
                    break
                self._take(message)
        await subscription.unsubscribe()

    def _take(self, message: Msg) -> None:
        self._next_seq = message.metadata.sequence.stream + 1
        try:
            events = decode_batch(message.data)
        except ValueError:
            return  # of another version; the record is for looking, not for deciding
        if events and events[0].time_ns < self._since_ns:
            events = [event for event in events if event.time_ns >= self._since_ns]
        self._on_events(events)

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        js = self._client.jetstream()
        info = await js.stream_info(EVENT_STREAM)
        if self._next_seq > info.state.last_seq + 1:
            # The lab was reset: another stream of the same name, counted anew.
            self._next_seq = 1
            self._on_reset()
        state = info.state
        skipped = state.first_seq + _beyond(state.messages, state.bytes)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=_FORGOTTEN_SECONDS, num_replicas=1
        )
        if self._next_seq or skipped > state.first_seq:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = max(self._next_seq, skipped)
        else:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = rfc3339(self._since_ns, timespec="seconds")  # type: ignore[assignment]
        subscription = await js.pull_subscribe("", stream=EVENT_STREAM, config=config)
        told = await subscription.consumer_info()
        if told.delivered is not None:  # what is before the start will never come
            self._next_seq = max(self._next_seq, told.delivered.stream_seq + 1)
        return subscription


def _beyond(messages: int, size: int) -> int:
    """Return how many of the oldest messages are more past than is read."""
    return 0 if size <= _HISTORY_BYTES else messages - messages * _HISTORY_BYTES // size
