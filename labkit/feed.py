"""The record of what happens, followed as it grows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from services.contract.calls import CallLog
from services.contract.errors import LabTimeoutError
from services.contract.events import Event, Row, decode_batch, encode_batch
from services.contract.names import EVENT_STREAM, event_subject

if TYPE_CHECKING:
    from nats.js import JetStreamContext

T = TypeVar("T")

_BATCH = 500
_FETCH_SECONDS = 1.0
_HISTORY_SECONDS = 600.0
_CATCH_UP_SECONDS = 10.0


class EventFeed:
    """Follows the stream of events and reduces it to calls.

    It reads from the stream, not from the subject, by the sequence number
    after the last one seen: nothing is missed when the connection or
    nats-server itself goes away for a while.

    Attributes:
        log: The calls, the newest ten thousand.
        events: Events that belong to no call: services, faults.
    """

    def __init__(self, url: str, token: str, *, since_ns: int = 0) -> None:
        self._url = url
        self._token = token
        self._since_ns = max(since_ns, time.time_ns() - int(_HISTORY_SECONDS * 1e9))
        self.log = CallLog()
        self._next_seq = 0
        self._renew = asyncio.Event()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._open = True
        self._caught_up = asyncio.Event()

    async def start(self) -> None:
        """Connect and begin to follow.

        Raises:
            OSError, nats.errors.Error: nats-server can't be reached.
        """
        # Not at import: nats-py costs a tenth of a second.
        from nats.aio.client import Client

        async def quiet(_: Exception) -> None:
            """nats-py reports each failed reconnect; what follows from it is seen elsewhere."""

        async def on_reconnect() -> None:
            self._renew.set()

        patience: int = 1
        self._client = Client()
        await self._client.connect(
            self._url,
            token=self._token,
            name="labkit",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=patience,
            error_cb=quiet,
            reconnected_cb=on_reconnect,
        )
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._open = False
            self._renew.set()
            while not self._task.done():
                # nats-py swallows a cancellation that comes at a bad moment.
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=0.2)
            self._task = None
            # A server that has gone must not hold up the end.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.close(), 2)

    async def _follow(self) -> None:
        from nats.errors import Error as NatsError
        from nats.errors import TimeoutError as NatsTimeout

        while self._open:
            self._renew.clear()
            try:
                subscription = await self._subscribe()
                while not self._renew.is_set():
                    try:
                        messages = await subscription.fetch(_BATCH, _FETCH_SECONDS)
                    except NatsTimeout:
                        self._caught_up.set()
                        continue
                    for message in messages:
                        self._next_seq = message.metadata.sequence.stream + 1
                        self._apply(message.data)
                    if messages and messages[-1].metadata.num_pending == 0:
                        self._caught_up.set()  # on a busy lab the fetch never comes back empty
                    self._wake()
            except (NatsError, OSError, TimeoutError):
                # Server or stream are away: they come back, or the lab is gone
                # and whoever waits runs into a deadline that says so.
                await asyncio.sleep(0.2)

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        js = self._client.jetstream()
        info = await js.stream_info(EVENT_STREAM)
        if self._next_seq > info.state.last_seq + 1:
            # The lab was reset: another stream of the same name, counted anew.
            self._next_seq = 1
            self.log = CallLog()
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=30.0, num_replicas=1
        )
        if self._next_seq:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = self._next_seq
        else:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._since_ns / 1e9))
            config.opt_start_time = stamp  # type: ignore[assignment]
        return await js.pull_subscribe("", stream=EVENT_STREAM, config=config)

    def _apply(self, body: bytes) -> None:
        try:
            events = decode_batch(body)
        except ValueError:
            return  # of another version; the record is for looking, not for deciding
        self._take(events)

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.call_id:
                self.log.apply(event)

    def _wake(self) -> None:
        self._changed.set()

    async def publish(self, rows: list[Row], instance: str) -> None:
        """Add the client's own events to the record."""
        await self._client.publish(event_subject("client"), encode_batch("client", instance, rows))

    async def request(self, subject: str, body: bytes, patience: float = 5.0) -> bytes:
        """Ask a service something over NATS and return its answer.

        Raises:
            LabTimeoutError: Nobody answered.
        """
        from nats.errors import Error as NatsError

        try:
            answer = await self._client.request(subject, body, timeout=patience)
        except (NatsError, TimeoutError) as error:
            raise LabTimeoutError(
                "a service did not answer",
                expected=f"an answer on {subject} within {patience:g} s",
                seen=repr(error),
                next_step="look at lab.status()",
            ) from error
        return bytes(answer.data)

    async def until(self, check: Callable[[CallLog], T | None], patience: float, *, expected: str) -> T:
        """Return the first answer of ``check`` that is not None, looked for after every change.

        Raises:
            LabTimeoutError: None came within ``patience`` seconds.
        """
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            self._changed.clear()
            found = check(self.log)
            if found is not None:
                return found
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise LabTimeoutError(
                    f"waited {patience:g} s in vain",
                    expected=expected,
                    seen="the record of events does not show it",
                    next_step="look at the logs: lab.logs('queue-worker'), lab.logs('gateway')",
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), remaining)

    async def caught_up(self) -> None:
        """Wait until what was in the stream has been read.

        Raises:
            LabTimeoutError: That took more than ``_CATCH_UP_SECONDS``.
        """
        try:
            await asyncio.wait_for(self._caught_up.wait(), _CATCH_UP_SECONDS)
        except TimeoutError as error:
            raise LabTimeoutError(
                "the record of events could not be read",
                expected=f"its end within {_CATCH_UP_SECONDS:g} s",
                seen="nats-server is away, or the record is very long",
                next_step="look at lab.status()",
            ) from error
